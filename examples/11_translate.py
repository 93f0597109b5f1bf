"""Translates lines with any sequence-to-sequence model: a folder, or a hub id already here.

    python examples/11_translate.py --model hf:Helsinki-NLP/opus-mt-en-de@COMMIT "Good morning"
    python examples/11_translate.py --model t5-folder --prefix "translate English to German: "

Fetch one first: shoal models pull hf:OWNER/REPO@COMMIT (its 40 hex digits).
"""

import argparse
from pathlib import Path
from typing import Any

from shoal.errors import UsageError
from shoal.modalities.quiet import quiet_transformers
from shoal.modalities.sources import locate
from shoal.modalities.torchvision_fix import ensure_torchvision_imports

LINES = ["Good morning.", "Where is the station?", "The library opens at half past nine."]


def load(folder: Path) -> tuple[Any, Any]:
    """Opens tokenizer and model: local files and safetensors alone, no foreign code."""
    ensure_torchvision_imports()
    from transformers import AutoConfig, AutoModelForSeq2SeqLM, AutoTokenizer

    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    if not config.is_encoder_decoder:
        raise UsageError(
            f"{folder} is no translator",
            f"a {config.model_type} model has no encoder and decoder",
            "Name a sequence-to-sequence model, such as a Marian, T5 or BART one",
        )
    with quiet_transformers():
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = AutoModelForSeq2SeqLM.from_pretrained(
            folder, local_files_only=True, use_safetensors=True
        )
    return tokenizer, model.eval()


def translate(tokenizer: Any, model: Any, lines: list[str]) -> list[str]:
    """Translates lines in one batch, the likeliest word each time."""
    batch = tokenizer(lines, return_tensors="pt", padding=True, truncation=True)
    batch.pop("token_type_ids", None)
    made = model.generate(**batch, max_new_tokens=64, num_beams=1, do_sample=False)
    texts: list[str] = tokenizer.batch_decode(made, skip_special_tokens=True)
    return texts


def main() -> None:
    """Reads the command line, translates, and prints both sides."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--model", required=True, help="a folder, or hf:owner/repo@COMMIT")
    parser.add_argument("--prefix", default="", help="what the model wants before each line")
    parser.add_argument("lines", nargs="*", default=LINES)
    chosen = parser.parse_args()
    tokenizer, model = load(locate(chosen.model))
    asked = [chosen.prefix + line for line in chosen.lines]
    for line, text in zip(chosen.lines, translate(tokenizer, model, asked), strict=True):
        print(f"{line}\n   {text}")
    size = sum(weights.numel() for weights in model.parameters())
    print(f"[{type(model).__name__}, {size:,} parameters]")


if __name__ == "__main__":
    main()
