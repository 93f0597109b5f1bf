from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from shoal.errors import CorruptWeightsError, UnknownNameError, UsageError
from shoal.modalities.sources import locate
from shoal.modalities.text import TextEncoder, text_encoder

TEXTS = ["what is 17.5 % of 240?", "go to the red ball", "", "naïve 🎉", "word " * 3000]


def test_rows_are_unit_vectors_in_the_order_of_the_texts() -> None:
    encoder = text_encoder()
    together = encoder.embed(TEXTS)
    assert together.shape == (5, encoder.dimensions) == (5, 384)
    assert together.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    for row, text in zip(together, TEXTS, strict=True):
        np.testing.assert_allclose(encoder.embed([text])[0], row, atol=1e-4)


def test_meaning_is_near() -> None:
    cat, kitten, tax = text_encoder().embed(["a cat", "a small kitten", "my tax return"])
    assert cat @ kitten > cat @ tax + 0.3


def test_no_texts_give_no_rows() -> None:
    assert text_encoder().embed([]).shape == (0, 384)


def test_what_is_beyond_256_tokens_does_not_count() -> None:
    long, longer = text_encoder().embed(["tree " * 400, "tree " * 400 + "tax return " * 50])
    np.testing.assert_allclose(long, longer, atol=1e-6)


def test_torch_and_openvino_agree() -> None:
    torch_rows = TextEncoder(engine="torch").embed(TEXTS)
    cosines = (torch_rows * TextEncoder(engine="openvino").embed(TEXTS)).sum(axis=1)
    assert cosines.min() >= 0.999


def test_threads_get_the_same_vectors_as_one_caller() -> None:
    encoder = text_encoder()
    expected = encoder.embed(TEXTS[:2])
    with ThreadPoolExecutor(8) as pool:
        for rows in pool.map(lambda _: encoder.embed(TEXTS[:2]), range(24)):
            np.testing.assert_allclose(rows, expected, atol=1e-5)


def test_everyone_shares_one_encoder() -> None:
    assert text_encoder() is text_encoder()


def test_a_damaged_conversion_is_made_again(home: Path) -> None:
    from shoal.modalities.text.encoder_openvino import ir_path

    (home / "cache").unlink()  # a cache of this test's own
    before = TextEncoder().embed(["hello"])
    ir_path(locate("minilm-l6")).with_suffix(".bin").write_bytes(b"")
    np.testing.assert_allclose(TextEncoder().embed(["hello"]), before, atol=1e-6)


def test_a_second_start_needs_neither_torch_nor_transformers(home: Path) -> None:
    text_encoder()
    code = (
        "import sys; from shoal.modalities.text import TextEncoder; TextEncoder().embed(['a']);"
        "print(sorted({'torch', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ, check=True
    )
    assert done.stdout.strip() == "[]"


def test_errors_say_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="minilm-l6"):
        TextEncoder("minilm-l7")
    with pytest.raises(UsageError, match="openvino"):
        TextEncoder(engine="tensorflow")
    with pytest.raises(UsageError, match="list"):
        text_encoder().embed("one text")
    broken = tmp_path / "model.safetensors"
    broken.write_bytes(b"nonsense")
    with pytest.raises(CorruptWeightsError, match="config"):
        TextEncoder(str(broken))


def test_a_signal_is_survived_after_models_have_ended_in_any_order() -> None:
    code = (
        "import gc, os, signal\n"
        "from shoal.modalities.text import TextEncoder\n"
        "signal.signal(signal.SIGINT, lambda *_: print('asked to stop'))\n"
        "first, second = TextEncoder(), TextEncoder()\n"
        "del first; gc.collect()\n"
        "del second; gc.collect()\n"
        "os.kill(os.getpid(), signal.SIGINT)\n"
    )
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (made.returncode, made.stdout) == (0, "asked to stop\n"), made.stderr
