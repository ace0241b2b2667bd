from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import cpu_offload
from safetensors.torch import load_file, save_file
from transformers import AutoModelForImageTextToText, LlavaConfig, T5Gemma2Config, T5Gemma2ForConditionalGeneration

from semclip.adapters.chat import ChatAdapter, load_chat, wrap_chat
from semclip.adapters.families import GENERIC
from semclip.errors import InputError, ModelError, OutOfMemory
from semclip.geometry import Size
from semclip.prompts import to_chat_messages
from semclip.types import Completion, Decoding, Mixture, Prompt
from tests.adapters import tiny_vlm
from tests.adapters.asking import WAYS, Way, mixture, picture
from tests.adapters.chat.passes import ENSEMBLE, counted

GREEDY = Decoding(max_tokens=6)
CPU_FULL = RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 4000000000000000 bytes.")
SAMPLED = Decoding(max_tokens=16, temperature=1.5, top_p=0.95, seed=3)


def texts(completions: Sequence[Completion]) -> list[str]:
    return [completion.text for completion in completions]


def state(adapter: ChatAdapter) -> dict[str, Any]:
    """Everything of the caller's that could have been changed."""
    model, tokenizer = adapter.model, adapter.processor.tokenizer
    weights = b"".join(weight.numpy().tobytes() for _, weight in sorted(model.state_dict().items()))
    return {
        "weights": hashlib.sha256(weights).hexdigest(),
        "modes": [(name, module.training) for name, module in model.named_modules()],
        "attributes": sorted(vars(model)),
        "config": model.config.to_dict(),
        "generation": model.generation_config.to_dict(),
        "processor": adapter.processor.to_dict(),
        "template": adapter.processor.chat_template,
        "tokenizer": json.loads(tokenizer.backend_tokenizer.to_str()),
        "padding": (tokenizer.padding_side, tokenizer.truncation_side, tokenizer.special_tokens_map),
    }


def test_the_callers_model_and_processor_stay_as_they_are(vlm_folder: Callable[[str], Path]) -> None:
    adapter = load_chat(vlm_folder("llava_next"))
    before = state(adapter)
    adapter.complete([mixture("A long question, to be padded?"), ENSEMBLE], SAMPLED)
    adapter.encode([*mixture().prompts, *ENSEMBLE.prompts])
    list(adapter.stream(mixture(), GREEDY))
    assert state(adapter) == before


def test_greedy_decoding_is_the_models_own_whatever_its_configuration_samples(copied: ChatAdapter) -> None:
    own = {"do_sample": True, "temperature": 0.01, "top_k": 1, "top_p": 0.1, "num_beams": 3, "repetition_penalty": 1.4}
    copied.model.generation_config.update(**own)
    inputs = copied.processor.apply_chat_template(
        to_chat_messages(mixture().prompts[0]),
        tokenize=True,
        add_generation_prompt=True,
        return_dict=True,
        return_tensors="pt",
    )
    greedy = copied.model.generate(**inputs, max_new_tokens=6, do_sample=False, num_beams=1)
    expected = copied.processor.decode(greedy[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    assert texts(copied.complete([mixture()], GREEDY)) == [expected]


@pytest.mark.parametrize("seed", [None, 3])
def test_drawing_disturbs_no_other_drawing(llava: ChatAdapter, seed: int | None) -> None:
    before = torch.get_rng_state()
    llava.complete([mixture()], Decoding(max_tokens=2, temperature=1.0, seed=seed))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_seed_repeats_what_was_drawn(llava: ChatAdapter) -> None:
    first, again = (texts(llava.complete([mixture()], SAMPLED)) for _ in range(2))
    other = texts(llava.complete([mixture()], Decoding(max_tokens=16, temperature=1.5, seed=4)))
    assert first == again != other


def test_without_a_seed_each_answer_is_drawn_anew(llava: ChatAdapter) -> None:
    drawn = llava.complete([mixture()] * 3, Decoding(max_tokens=24, temperature=3.0))
    assert len(set(texts(drawn))) == 3


def test_a_low_temperature_and_a_small_nucleus_are_greedy(llava: ChatAdapter) -> None:
    greedy = llava.complete([ENSEMBLE], GREEDY)
    assert llava.complete([ENSEMBLE], Decoding(max_tokens=6, temperature=1e-4, seed=1)) == greedy
    assert llava.complete([ENSEMBLE], Decoding(max_tokens=6, temperature=1.0, top_p=1e-4, seed=1)) == greedy


@pytest.mark.parametrize("pads", [True, False])
def test_an_answer_ends_where_the_model_ends_it(copied: ChatAdapter, pads: bool) -> None:
    if not pads:
        copied.processor.tokenizer.pad_token = copied.model.generation_config.pad_token_id = None
    asked = [mixture(), mixture("Something else?"), ENSEMBLE]
    (first, *others) = copied.complete(asked, GREEDY)
    end = copied.processor.tokenizer.convert_tokens_to_ids(first.text[2])
    copied.model.generation_config.eos_token_id = [end, copied.processor.tokenizer.eos_token_id]
    (ended, *continued) = copied.complete(asked, GREEDY)
    assert ended.completion_tokens == first.text.index(first.text[2]) + 1
    assert first.text.startswith(ended.text)
    assert len(ended.text) < len(first.text)
    assert any(one.completion_tokens == GREEDY.max_tokens for one in continued)
    assert all(before.text.startswith(after.text) for before, after in zip(others, continued, strict=True))
    assert {way(copied, asked[0], GREEDY) for way in WAYS} == {ended.text}


@pytest.mark.parametrize("pad", ["<pad>", "</s>", None])
def test_an_answer_ends_at_the_models_own_stop_strings(copied: ChatAdapter, pad: str | None) -> None:
    copied.processor.tokenizer.pad_token = pad
    copied.model.generation_config.pad_token_id = copied.processor.tokenizer.pad_token_id
    asked = [mixture(), mixture("Something else?"), ENSEMBLE]
    (first, *others) = copied.complete(asked, GREEDY)
    stop = first.text[1:3]
    copied.model.generation_config.stop_strings = [stop]
    (stopped, *continued) = copied.complete(asked, GREEDY)
    assert stopped.text == first.text[: first.text.index(stop) + len(stop)]
    assert stopped.completion_tokens == len(stopped.text)
    assert continued == others
    assert [stopped] == list(copied.complete(asked[:1], GREEDY))
    assert {way(copied, asked[0], GREEDY) for way in WAYS} == {stopped.text}


def test_what_is_asked_together_is_one_batch_however_much_it_is(llava: ChatAdapter) -> None:
    asked, one_token = [mixture("One?"), ENSEMBLE, mixture("A longer one?", pictures=1)] * 5, Decoding(max_tokens=1)
    with counted(llava.model) as passes:
        together = llava.complete(asked, one_token)
    assert passes == [20]
    assert together == tuple(llava.complete([one], one_token)[0] for one in asked)


def test_nothing_is_asked_of_no_mixture(llava: ChatAdapter) -> None:
    assert llava.complete([], GREEDY) == ()


def test_what_is_asked_for_at_once_is_answered_one_by_one(vlm_folder: Callable[[str], Path]) -> None:
    adapter = load_chat(vlm_folder("qwen2_vl"))
    asked, decoding = [mixture(), ENSEMBLE], Decoding(max_tokens=40)

    async def together() -> list[Completion]:
        return list(await asyncio.gather(*(adapter.complete_async(one, decoding) for one in asked)))

    with counted(adapter.model) as passes:
        answers = asyncio.run(together())
    assert passes in ([1] * 40 + [2] * 40, [2] * 40 + [1] * 40)
    assert answers == list(adapter.complete(asked, decoding))


def test_a_question_in_the_middle_of_a_stream_waits_for_its_end(llava: ChatAdapter) -> None:
    stream = llava.stream(ENSEMBLE, GREEDY)
    pieces = [next(stream)]
    (between,) = llava.complete([mixture()], GREEDY)
    assert "".join([*pieces, *stream]) == llava.complete([ENSEMBLE], GREEDY)[0].text
    assert between == llava.complete([mixture()], GREEDY)[0]


@contextmanager
def failing(adapter: ChatAdapter, error: Exception, *, after: int = 0) -> Iterator[None]:
    """A model whose forward pass fails for real once it has passed `after` times."""
    passes: list[None] = []

    def fail(*_: object) -> None:
        passes.append(None)
        if len(passes) > after:
            raise error

    hook = adapter.model.register_forward_pre_hook(fail)
    try:
        yield
    finally:
        hook.remove()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory"), MemoryError(), CPU_FULL])
def test_running_out_of_memory_says_what_was_asked_for(llava: ChatAdapter, way: Way, error: Exception) -> None:
    before = set(threading.enumerate())
    with (
        failing(llava, error, after=2),
        pytest.raises(OutOfMemory, match=r"2 prompts with 32 visual tokens; lower max"),
    ):
        way(llava, ENSEMBLE, GREEDY)
    assert set(threading.enumerate()) <= before


@pytest.mark.parametrize("way", WAYS)
def test_any_other_failure_of_the_model_is_one_line(llava: ChatAdapter, way: Way) -> None:
    with failing(llava, IndexError("index out of\nrange")), pytest.raises(ModelError) as caught:
        way(llava, mixture(), GREEDY)
    assert "IndexError: index out of range" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("way", WAYS)
def test_a_model_in_training_mode_is_refused_and_left_in_it(copied: ChatAdapter, way: Way) -> None:
    copied.model.train()
    with pytest.raises(InputError, match=r"call model\.eval\(\)"):
        way(copied, mixture(), GREEDY)
    assert copied.model.training


def test_a_picture_that_the_processor_refuses_is_an_input_error(vlm_folder: Callable[[str], Path]) -> None:
    adapter = load_chat(vlm_folder("qwen2_vl"))
    with pytest.raises(InputError, match=r"Qwen2VLProcessor cannot read this prompt .*aspect ratio"):
        adapter.complete([Mixture((Prompt((picture(1, 3000, 10), "?")),))], GREEDY)


def test_weights_kept_elsewhere_until_they_are_needed_answer_as_they_do_in_memory(copied: ChatAdapter) -> None:
    expected = copied.complete([mixture(), ENSEMBLE], GREEDY)
    cpu_offload(copied.model, execution_device=torch.device("cpu"))
    assert copied.model.device.type == "meta"
    assert copied.complete([mixture(), ENSEMBLE], GREEDY) == expected


def test_a_llava_whose_pictures_cost_what_they_measure_is_no_llava_1_5() -> None:
    config, processor = tiny_vlm.pixtral()
    pixtral = wrap_chat(AutoModelForImageTextToText.from_config(config).eval(), processor)
    assert (config.model_type, pixtral.family) == ("llava", GENERIC)
    (completion,) = pixtral.complete([ENSEMBLE], GREEDY)
    sizes = [Size(*one.size) for prompt in ENSEMBLE.prompts for one in prompt.pictures]
    assert completion.visual_tokens == sum(pixtral.visual_tokens([size], tiling=False) or 0 for size in sizes)
    assert pixtral.visual_tokens([Size(112, 112)], tiling=False) == 64


def test_a_processor_needs_pictures_a_template_and_a_place_for_pictures_in_it(copied: ChatAdapter) -> None:
    model, processor = copied.model, copied.processor
    with pytest.raises(InputError, match=r"got .*Tokenizer.*; load it with AutoProcessor"):
        wrap_chat(model, processor.tokenizer)
    processor.chat_template = None
    with pytest.raises(InputError, match="needs a chat template, got none"):
        wrap_chat(model, processor)
    processor.chat_template = "{% for m in messages %}{{ m['content'][-1]['text'] }}{% endfor %}"
    with pytest.raises(InputError, match="a place for pictures"):
        wrap_chat(model, processor)
    processor.chat_template = "{{ messages[0]['content'] + '!' }}"
    with pytest.raises(InputError, match="cannot read this prompt"):
        wrap_chat(model, processor)


def test_a_model_needs_to_generate(copied: ChatAdapter) -> None:
    with pytest.raises(InputError, match="got Linear"):
        wrap_chat(torch.nn.Linear(1, 1), copied.processor)


def test_a_model_type_that_nobody_knows_is_asked_one_mixture_at_a_time(llava: ChatAdapter) -> None:
    class NovelConfig(LlavaConfig):  # type: ignore[misc]
        model_type = "novel"

    own = llava.model.config
    config = NovelConfig(
        vision_config=own.vision_config, text_config=own.text_config, image_token_index=own.image_token_index
    )
    model = type(llava.model)(config).eval()
    model.load_state_dict(llava.model.state_dict())
    model.generation_config = llava.model.generation_config
    novel = wrap_chat(model, llava.processor)
    assert (novel.family, novel.name) == (GENERIC, "novel")
    asked = [mixture("One?"), mixture("Two?", pictures=1), ENSEMBLE]
    with counted(model) as passes:
        assert novel.complete(asked, Decoding(max_tokens=1)) == llava.complete(asked, Decoding(max_tokens=1))
    assert passes == [1, 1, 2]


def test_tokens_are_not_counted_where_no_token_stands_for_pictures(copied: ChatAdapter) -> None:
    del copied.processor.image_token_id
    assert copied.visual_tokens([Size(40, 40)], tiling=True) is None
    (completion,) = copied.complete([mixture()], GREEDY)
    assert completion.visual_tokens is None
    assert completion.text


def test_an_encoder_decoder_answers_but_takes_one_prompt(vlm_folder: Callable[[str], Path]) -> None:
    gemma = load_chat(vlm_folder("gemma3"))
    encoder, tokenizer = gemma.model.config, gemma.processor.tokenizer
    names = ("vision_config", "mm_tokens_per_image", "boi_token_index", "eoi_token_index")
    text = encoder.text_config.to_dict()
    torch.manual_seed(0)
    config = T5Gemma2Config(
        encoder={"text_config": text, **{name: getattr(encoder, name) for name in names}},
        decoder=text,
        image_token_index=tokenizer.image_token_id,
    )
    model = T5Gemma2ForConditionalGeneration(config).eval()
    model.generation_config.update(decoder_start_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.bos_token_id)
    adapter = wrap_chat(model, gemma.processor)
    (completion,) = adapter.complete([mixture()], GREEDY)
    assert completion.completion_tokens == GREEDY.max_tokens
    assert completion.visual_tokens == gemma.complete([mixture()], GREEDY)[0].visual_tokens
    with pytest.raises(InputError, match="takes one prompt a question; use append or montage"):
        adapter.complete([ENSEMBLE], GREEDY)


def test_a_loaded_model_is_ready_keeps_its_dtype_and_prints_nothing(
    vlm_folder: Callable[[str], Path], capfd: pytest.CaptureFixture[str]
) -> None:
    folder = vlm_folder("internvl")
    adapter = load_chat(folder)
    assert adapter.name == str(folder)
    assert adapter.complete([mixture()], GREEDY)[0].completion_tokens == GREEDY.max_tokens
    assert (adapter.model.dtype, adapter.model.training) == (torch.float32, False)
    assert capfd.readouterr().out == ""


def test_options_go_to_the_model(vlm_folder: Callable[[str], Path]) -> None:
    adapter = load_chat(vlm_folder("llava"), dtype=torch.bfloat16, attn_implementation="eager", local_files_only=True)
    assert adapter.model.dtype == torch.bfloat16
    assert adapter.model.config._attn_implementation == "eager"
    assert adapter.encode(ENSEMBLE.prompts)["pixel_values"].dtype == torch.bfloat16
    assert len(adapter.complete([ENSEMBLE], GREEDY)[0].text) == GREEDY.max_tokens


@pytest.mark.parametrize("stored", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("fast", [torch.bfloat16, torch.float32], ids=str)
def test_what_a_cpu_would_be_slow_in_becomes_float32_unless_a_dtype_is_given(
    stored: torch.dtype,
    fast: torch.dtype,
    vlm_folder: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    load_chat(vlm_folder("llava"), dtype=stored).model.save_pretrained(tmp_path)
    load_chat(vlm_folder("llava")).processor.save_pretrained(tmp_path)
    monkeypatch.setattr("semclip.adapters.chat.adapter.fast_dtype", lambda device: fast)
    expected = stored if stored == fast else torch.float32
    assert {weight.dtype for weight in load_chat(tmp_path).model.parameters()} == {expected}
    assert load_chat(tmp_path, dtype="auto").model.dtype == stored


def test_what_cannot_be_loaded_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"nowhere could not be loaded .*; check name, folder, options and network"):
        load_chat(tmp_path / "nowhere")


def test_a_checkpoint_needs_all_of_its_weights(vlm_folder: Callable[[str], Path], tmp_path: Path) -> None:
    shutil.copytree(vlm_folder("llava"), tmp_path / "broken")
    file = tmp_path / "broken" / "model.safetensors"
    weights = load_file(file)
    missing = min(name for name in weights if "layers.1.mlp" in name)
    save_file({name: weight for name, weight in weights.items() if name != missing}, file, metadata={"format": "pt"})
    with pytest.raises(ModelError, match="needs all of its weights, got missing_keys"):
        load_chat(tmp_path / "broken")


def test_a_broken_checkpoint_is_one_line(vlm_folder: Callable[[str], Path], tmp_path: Path) -> None:
    shutil.copytree(vlm_folder("llava"), tmp_path / "broken")
    (tmp_path / "broken" / "model.safetensors").write_bytes(b"no tensors")
    with pytest.raises(ModelError, match="could not be loaded") as caught:
        load_chat(tmp_path / "broken")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("family", ["llava", "qwen2_5_vl", "smolvlm"])
def test_a_prompt_needs_no_picture(family: str, vlm_folder: Callable[[str], Path]) -> None:
    adapter = load_chat(vlm_folder(family))
    alone = mixture(pictures=0)
    (blind,) = adapter.complete([alone], GREEDY)
    assert blind.visual_tokens == 0
    assert texts(adapter.complete([mixture("A long question?"), alone], GREEDY))[1] == blind.text
