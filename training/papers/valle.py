"""VALL-E, arXiv:2301.02111, and VALL-E X, arXiv:2303.03926. State dicts: lifeiteng/vall-e (checkpoint of its trainer)
and Plachtaa/VALL-E-X."""

import torch, torch.nn.functional as F
from torch import nn

BASE = dict(
    d_model=1024,
    nhead=16,
    num_layers=12,
    num_quantizers=8,
    num_text_tokens=512,
    norm_first=True,
    add_prenet=False,
    share_embedding=True,
    prefix_mode=1,
    prepend_bos=False,
    languages=0,
)
X = dict(BASE, num_text_tokens=2048, prepend_bos=True, languages=3)
TINY = dict(d_model=32, nhead=4, num_layers=2)
PRESETS = {
    "vall-e": BASE,
    "vall-e-x": X,
    "vall-e-small": dict(BASE, d_model=256, nhead=4, num_layers=6),
    "tiny": BASE | TINY,
    "tiny-x": X | TINY,
}
CODES = 1024  # of each codebook; as a code of the AR model: the end, and CODES + 1 the beginning


class Table(nn.Module):
    def __init__(self, rows, dim):
        super().__init__()
        self.word_embeddings = nn.Embedding(rows, dim)

    def forward(self, ids):
        return self.word_embeddings(ids)


class Position(nn.Module):
    """[B, T, D] -> plus alpha times sines and cosines"""

    def __init__(self, learned):
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(1), requires_grad=learned)

    def forward(self, x):
        t, d = x.shape[1:]
        angle = torch.arange(t, device=x.device)[:, None] * 10000 ** (-torch.arange(0, d, 2, device=x.device) / d)
        return x + self.alpha * torch.stack([angle.sin(), angle.cos()], -1).flatten(1)


class AdaptiveNorm(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.project_layer, self.norm = nn.Linear(dim, 2 * dim), nn.LayerNorm(dim)

    def forward(self, x, stage):
        weight, bias = self.project_layer(stage).chunk(2, -1)
        return weight * self.norm(x) + bias


class Layer(nn.Module):
    def __init__(self, dim, heads, norm, dropout):
        super().__init__()
        self.self_attn = nn.MultiheadAttention(dim, heads, dropout, batch_first=True)
        self.linear1, self.linear2 = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)
        self.norm1, self.norm2 = norm(dim), norm(dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, mask, padding, *stage):
        y = self.norm1(x, *stage)
        x = x + self.dropout(self.self_attn(y, y, y, key_padding_mask=padding, attn_mask=mask, need_weights=False)[0])
        return x + self.dropout(self.linear2(self.dropout(self.linear1(self.norm2(x, *stage)).relu())))


class Decoder(nn.Module):
    def __init__(self, c, norm, dropout):
        super().__init__()
        self.layers = nn.ModuleList(Layer(c["d_model"], c["nhead"], norm, dropout) for _ in range(c["num_layers"]))
        self.norm = norm(c["d_model"])

    def forward(self, x, mask, padding, *stage):
        for layer in self.layers:
            x = layer(x, mask, padding, *stage)
        return self.norm(x, *stage)


def padding_of(lengths, longest):
    return torch.arange(longest, device=lengths.device) >= lengths[:, None]


class VallE(nn.Module):
    """text ids [B, S] and EnCodec's codes [B, T, K]. AR: codebook 0 from left to right; NAR: each other codebook at
    once, given those before it."""

    def __init__(self, config, dropout=0.1):
        super().__init__()
        self.config = c = config
        d, k = c["d_model"], c["num_quantizers"]
        for part in ("ar", "nar"):
            setattr(self, f"{part}_text_embedding", Table(c["num_text_tokens"], d))
            if c["languages"]:
                setattr(self, f"{part}_language_embedding", Table(c["languages"], d))
            for what in ("text", "audio"):
                setattr(self, f"{part}_{what}_position", Position(part == "ar"))
        self.ar_audio_embedding = Table(CODES + 1 + c["prepend_bos"], d)
        self.ar_decoder, self.nar_decoder = Decoder(c, nn.LayerNorm, dropout), Decoder(c, AdaptiveNorm, dropout)
        self.ar_predict_layer = nn.Linear(d, CODES + 1, bias=False)
        self.nar_audio_embeddings = nn.ModuleList(Table(CODES + (i == 0), d) for i in range(k))
        self.nar_predict_layers = nn.ModuleList(nn.Linear(d, CODES, bias=False) for _ in range(k - 1))
        self.nar_stage_embeddings = nn.ModuleList(Table(1, d) for _ in range(k - 1))
        if c["share_embedding"]:
            for j in range(k - 2):
                self.nar_predict_layers[j].weight = self.nar_audio_embeddings[j + 2].word_embeddings.weight

    def text(self, part, ids, languages):
        x = getattr(self, f"{part}_text_embedding")(ids)
        if self.config["languages"]:
            x = x + getattr(self, f"{part}_language_embedding")(
                torch.zeros_like(ids) if languages is None else languages
            )
        return getattr(self, f"{part}_text_position")(x)

    def ar(self, ids, first, padding=None, languages=None):
        """first: codebook 0 so far [B, T], with the beginning where the model has one -> logits of what follows each
        [B, T, CODES + 1]"""
        s, t = ids.shape[1], first.shape[1]
        x = torch.cat([self.text("ar", ids, languages), self.ar_audio_position(self.ar_audio_embedding(first))], 1)
        hidden = torch.ones(s + t, s + t, dtype=torch.bool, device=x.device).triu(1)  # audio sees text and the past
        hidden[:s] = torch.arange(s + t, device=x.device) >= s  # text sees text
        return self.ar_predict_layer(self.ar_decoder(x, hidden, padding)[:, s:])

    def nar(self, ids, codes, prefix, stage, padding=None, languages=None):
        """codes [B, T, >= stage + 1] (all K in the first `prefix` frames) -> logits of codebook stage + 1 after the
        prefix [B, T - prefix, CODES]"""
        known = [table(codes[..., k]) for k, table in enumerate(self.nar_audio_embeddings) if k <= stage or prefix]
        target = sum(known[: stage + 1])
        y = torch.cat([sum(known)[:, :prefix], target[:, prefix:]], 1) if prefix else target
        x = torch.cat([self.text("nar", ids, languages), self.nar_audio_position(y)], 1)
        embedding = self.nar_stage_embeddings[stage](torch.zeros((), dtype=torch.long, device=x.device))
        return self.nar_predict_layers[stage](self.nar_decoder(x, None, padding, embedding)[:, ids.shape[1] + prefix :])

    def losses(self, ids, id_lengths, codes, lengths, stage, prefix):
        """-> cross-entropies of the AR model and of one stage of the NAR model"""
        b, t = codes.shape[:2]
        text_padding = padding_of(id_lengths, ids.shape[1])
        ended = torch.where(
            padding_of(lengths, t + 1), CODES, F.pad(codes[..., 0], (0, 1))
        )  # the code after the last is the end
        begin = [torch.full((b, 1), CODES + 1, device=codes.device)] if self.config["prepend_bos"] else []
        first, target = torch.cat([*begin, ended[:, :-1]], 1), ended if begin else ended[:, 1:]
        counted = ~padding_of(lengths + 1, t + 1)[:, -target.shape[1] :]
        padding = torch.cat([text_padding, padding_of(lengths + len(begin), first.shape[1])], 1)
        ar = F.cross_entropy(self.ar(ids, first, padding)[counted], target[counted])
        audio_padding = padding_of(lengths, t)
        logits = self.nar(ids, codes, prefix, stage, torch.cat([text_padding, audio_padding], 1))
        valid = ~audio_padding[:, prefix:]
        return ar, F.cross_entropy(logits[valid], codes[:, prefix:, stage + 1][valid])

    @torch.no_grad()
    def speak(self, ids, prompt, steps, languages=None):
        """ids [1, S], prompt [1, P, K] -> greedy codes [1, N, K], AR logits of the first `steps` steps, NAR logits of
        each stage [K - 1, 3, CODES]. For the parity case."""
        first = F.pad(prompt[..., 0], (1, 0), value=CODES + 1) if self.config["prepend_bos"] else prompt[..., 0]
        start, logits = first.shape[1], []
        while first.shape[1] - prompt.shape[1] <= 16 * ids.shape[1]:  # as published, where the beginning counts
            logits.append(self.ar(ids, first, None, languages)[:, -1])
            code = logits[-1].argmax(-1)
            if code == CODES:
                break
            first = torch.cat([first, code[:, None]], 1)
        codes = torch.cat([prompt, F.pad(first[:, start:, None], (0, self.config["num_quantizers"] - 1))], 1)
        staged = []
        for stage in range(self.config["num_quantizers"] - 1):
            staged.append(self.nar(ids, codes, prompt.shape[1], stage, None, languages))
            codes[:, prompt.shape[1] :, stage + 1] = staged[-1].argmax(-1)
        return codes[:, prompt.shape[1] :], torch.cat(logits[:steps]), torch.stack([x[0, :3] for x in staged])
