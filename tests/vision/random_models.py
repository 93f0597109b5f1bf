"""Small text-image models with random weights, saved as transformers saves them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

NAMES = ["cat", "cup of coffee", "sign", "Dog"]
SENTENCES = [f"a photo of a {name}" for name in NAMES]
SIZE: dict[str, Any] = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
}  # fmt: skip


def _tokenizer(folder: Path, lower: bool) -> int:
    """Trains a word tokenizer on the names, saves it, and returns its size."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.WordLevel(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    special = ["<pad>", "<s>", "</s>", "<unk>"]
    texts = [text.lower() if lower else text for text in SENTENCES]
    tokenizer.train_from_iterator(texts, trainers.WordLevelTrainer(special_tokens=special))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    names = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    read = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names)
    read.save_pretrained(folder)
    return len(read)


def save_clip(folder: Path) -> None:
    """Saves a CLIP that was never trained."""
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel

    vocabulary = _tokenizer(folder, lower=False)
    text = {**SIZE, "vocab_size": vocabulary, "max_position_embeddings": 16, "eos_token_id": 2}
    vision = {**SIZE, "image_size": 32, "patch_size": 8}
    model = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=24))
    model.save_pretrained(folder)
    shape = {"height": 32, "width": 32}
    CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=shape).save_pretrained(folder)


def save_siglip(folder: Path) -> None:
    """Saves a SigLIP that was never trained."""
    from transformers import SiglipConfig, SiglipImageProcessor, SiglipModel

    vocabulary = _tokenizer(folder, lower=True)
    text = {**SIZE, "vocab_size": vocabulary, "max_position_embeddings": 16}
    vision = {**SIZE, "image_size": 32, "patch_size": 8}
    model = SiglipModel(SiglipConfig(text_config=text, vision_config=vision))
    model.logit_bias.data.fill_(-2.0)
    model.save_pretrained(folder)
    SiglipImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)
