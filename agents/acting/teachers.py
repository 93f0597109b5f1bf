"""Who can teach a policy: another one by its name, or the language model, which is slow."""

from __future__ import annotations

from shoal.agents.acting.text_policy import SLM, TextPolicy
from shoal.modalities.policy.policy import Policy
from shoal.modalities.policy.teachers import Teaching

TEXT = "text"
"""What `--teacher` calls the language model that chooses among the legal actions."""


def teaching(name: str, env_id: str) -> Teaching:
    """Returns a teacher by name.

    Args:
        name: "text", or a saved policy's name or folder.
        env_id: Where it is to teach.

    Raises:
        UnknownNameError: There is no policy of that name.
        UsageError: The language model can't read this env.
    """
    if name == TEXT:
        return Teaching(TEXT, TextPolicy(env_id), TextPolicy.observation, SLM)
    return Teaching.by(Policy.load(name))
