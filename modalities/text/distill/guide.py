"""The torch side of a teacher: what its layers say, and what a student can start from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from shoal.modalities.sources import locate
from shoal.modalities.text.distill.teachers import ClassifierTeacher, Teacher
from shoal.modalities.text.encoder_files import EncoderFiles, encoder_files
from shoal.modalities.text.encoder_torch import pooled
from shoal.modalities.text.tune.artifact import load_network
from shoal.modalities.text.tune.network import Network, fast_bf16, padded

_READ = 64


@dataclass(frozen=True, slots=True)
class Guide:
    """An encoder with a head.

    Attributes:
        network: In evaluation mode, never trained here.
        files: The encoder's files; teacher and student share the tokenizer.
        temperature: The network's logits are divided by it.
        teaches: Whether this is the teacher itself, not just an encoder to start from.
    """

    network: Network
    files: EncoderFiles
    temperature: float
    teaches: bool

    @property
    def head(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The head at that temperature: weights float32 (D, k) and bias float32 (k,)."""
        return (
            self.network.head.detach().cpu() / self.temperature,
            self.network.bias.detach().cpu() / self.temperature,
        )

    def vectors(self, ids: Sequence[list[int]]) -> torch.Tensor:
        """Returns the unit vectors of texts, float32 (n, D)."""
        result = torch.empty(len(ids), self.files.dimensions)
        for rows, hidden, mask in self._hidden(ids):
            vectors = pooled(hidden, mask, self.network.pooling)
            result[rows] = torch.nn.functional.normalize(vectors, dim=1).cpu()
        return result

    def token_means(self, ids: Sequence[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """What the last layer makes of each token, on average over these texts.

        Returns:
            Means float32 (vocabulary, D) and counts float32 (vocabulary,).
        """
        size = self.words.shape[0]
        sums, counts = torch.zeros(size, self.files.dimensions), torch.zeros(size)
        for rows, hidden, _ in self._hidden(ids):
            for row, states in zip(rows, hidden.cpu(), strict=True):
                own = torch.tensor(ids[row])
                sums.index_add_(0, own, states[: len(own)])
                counts.index_add_(0, own, torch.ones(len(own)))
        return sums / counts.clamp(min=1).unsqueeze(1), counts

    @property
    def words(self) -> torch.Tensor:
        """The encoder's input vectors, float32 (vocabulary, e)."""
        table: torch.Tensor = self.network.transformer.get_input_embeddings().weight
        return table.detach().cpu()

    def parameter_count(self) -> int:
        """Numbers that the network computes with."""
        return parameter_count(self.network)

    def _hidden(
        self, ids: Sequence[list[int]]
    ) -> Iterator[tuple[list[int], torch.Tensor, torch.Tensor]]:
        device = self.network.bias.device
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=fast_bf16()):
            for start in range(0, len(order), _READ):
                rows = order[start : start + _READ]
                tokens, mask = padded([ids[row] for row in rows], self.network.pad)
                tokens, mask = tokens.to(device), mask.to(device)
                said = self.network.transformer(input_ids=tokens, attention_mask=mask)
                yield rows, said.last_hidden_state.float(), mask


def guide_of(teacher: Teacher, model: str) -> Guide:
    """Opens the teacher's own network where it has one, else a plain encoder.

    Args:
        teacher: Who teaches.
        model: The encoder to start from where the teacher's layers can't be opened.

    Raises:
        CorruptWeightsError: The weights are damaged.
        MissingModelError: The encoder is not on this machine.
    """
    if isinstance(teacher, ClassifierTeacher) and teacher.trained:
        network, files = load_network(teacher.trained)
        return Guide(network.requires_grad_(False), files, teacher.temperature, True)
    files = encoder_files(locate(model))
    k = len(teacher.labels)
    network = Network(files, torch.zeros(files.dimensions, k), torch.zeros(k), "frozen")
    return Guide(network.requires_grad_(False).eval(), files, 1.0, False)


def parameter_count(network: torch.nn.Module) -> int:
    """Numbers that a network computes with: the pooler of BERT-like encoders is not used."""
    named = network.named_parameters()
    return sum(value.numel() for name, value in named if ".pooler." not in name)
