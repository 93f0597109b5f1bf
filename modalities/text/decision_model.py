"""`DecisionShoal`: decisions as langchain-core's `BaseDecisionModel`.

That class came with langchain-core 1.8; importing this module without it says so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from shoal.errors import MissingExtraError, UsageError
from shoal.modalities.text.decisions import DEFAULT, Decision, decide

try:
    from langchain_core.decisions import BaseDecisionModel, ClassifierResponse
except ImportError as error:
    raise MissingExtraError(
        "DecisionShoal needs langchain-core 1.8 or newer",
        "older ones have no decision models",
        "Type: pip install 'langchain-core>=1.8'; or use shoal.modalities.text.decide",
    ) from error

_YES, _NO = "yes", "no"
_MEDIA = ("image", "image_url", "audio", "video", "file")


class DecisionShoal(BaseDecisionModel):
    """Answers langchain-core's `Noul`, `Choice` and `Score` questions with `decide`.

    The options are the criteria's texts, and a label's own name where it has none. The
    confidence of an answer is the probability of its likeliest option.

    Attributes:
        model: As in `decide`.

    Raises:
        UsageError: A `Box` question, a state that is empty or has no text, criteria that
            don't differ.
    """

    model: str = DEFAULT

    @property
    def _provider(self) -> str:
        return "shoal"

    def _classify(self, state: Any, questions: dict[str, Any]) -> ClassifierResponse:
        if not questions:
            raise UsageError("there is no question", "the mapping of questions is empty")
        text = state_text(state)
        answers = {name: self._answer(text, question) for name, question in questions.items()}
        return ClassifierResponse.model_validate({"model": self.model, "answers": answers})

    def _answer(self, text: str, question: Any) -> dict[str, Any]:
        asked = _plain(question.instructions)
        if question.type == "noul":
            return {"type": "noul", "noul": self._yes(text, asked, question.criteria)}
        if question.type == "choice":
            return self._choice(text, asked, question.criteria)
        if question.type == "score":
            return self._score(text, asked, question.criteria)
        raise UsageError(
            f"a {question.type!r} question has no options", "known: noul, choice, score"
        )

    def _yes(self, text: str, asked: str, criteria: Any) -> float:
        yes = _plain(getattr(criteria, "true", None)) or _YES
        no = _plain(getattr(criteria, "false", None)) or _NO
        return self._decided(text, asked, [yes, no]).probabilities[yes]

    def _choice(self, text: str, asked: str, criteria: Mapping[str, Any]) -> dict[str, Any]:
        shares = {next(iter(criteria)): 1.0}
        if len(criteria) > 1:
            described = [_plain(value) or label for label, value in criteria.items()]
            made = self._decided(text, asked, described).probabilities.values()
            shares = dict(zip(criteria, made, strict=True))
        best = max(shares, key=shares.__getitem__)
        return {
            "type": "choice",
            "choice": best,
            "probabilities": shares,
            "confidence": shares[best],
        }

    def _score(self, text: str, asked: str, criteria: Sequence[Any]) -> dict[str, Any]:
        made = self._decided(text, asked, [_plain(value) for value in criteria])
        shares = dict(enumerate(made.probabilities.values()))
        return {
            "type": "score",
            "score": sum(level * share for level, share in shares.items()),
            "legend": dict(enumerate(criteria)),
            "probabilities": shares,
            "confidence": max(shares.values()),
        }

    def _decided(self, text: str, asked: str, options: Sequence[str]) -> Decision:
        return decide(asked, options, context=text, model=self.model)


def state_text(state: Any) -> str:
    """Returns what a decision model's state says: text, messages, or JSON of the rest."""
    text = _plain(state).strip()
    if not text:
        raise UsageError("the state is empty", "there is nothing to decide on")
    return text


def _plain(value: Any) -> str:
    from langchain_core.messages import BaseMessage

    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, BaseMessage):
        _refuse_media(value.content)
        return str(value.text)
    if isinstance(value, Sequence) and any(isinstance(item, BaseMessage) for item in value):
        return "\n".join(filter(None, map(_plain, value)))
    _refuse_media(value)
    return json.dumps(value, ensure_ascii=False, default=_plain)


def _refuse_media(value: Any) -> None:
    """Looks for LangChain's media blocks, however deep they lie."""
    if isinstance(value, Mapping):
        if value.get("type") in _MEDIA:
            raise UsageError(f"a decision reads no {value['type']}", "the model knows only text")
        value = list(value.values())
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for item in value:
            _refuse_media(item)
