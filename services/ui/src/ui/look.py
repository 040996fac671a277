"""How the page looks: light or dark as the browser prefers, text at least 4.5:1, system fonts, nothing fetched."""

import json
from importlib.resources import files

import gradio as gr

from vigie.wording import Texts

_FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Ubuntu", "Arial", "sans-serif")
_LOCALES = (
    "ar", "ca", "ckb", "de", "en", "es", "eu", "fa", "fi", "fr", "he", "hi", "ja", "ko", "lt", "nb",
    "nl", "pl", "pt", "pt-BR", "ro", "ru", "sv", "ta", "th", "tr", "uk", "ur", "uz", "zh-CN", "zh-TW",
)  # fmt: skip
_COLOURS = {
    "body_text_color_subdued": "var(--soft)",
    "background_fill_primary": "var(--card)",
    "background_fill_secondary": "var(--ground)",
    "border_color_primary": "var(--line)",
    "border_color_accent": "var(--accent)",
    "color_accent": "var(--accent)",
    "color_accent_soft": "var(--hover)",
    "link_text_color": "var(--accent)",
    "block_background_fill": "var(--card)",
    "block_label_background_fill": "var(--card)",
    "block_label_text_color": "var(--ink)",
    "block_title_text_color": "var(--ink)",
    "block_info_text_color": "var(--soft)",
    "block_border_color": "var(--line)",
    "block_radius": "12px",
    "input_background_fill": "var(--ground)",
    "input_background_fill_focus": "var(--card)",
    "input_border_color": "var(--edge)",
    "input_placeholder_color": "var(--soft)",
    "input_radius": "8px",
    "checkbox_background_color": "var(--card)",
    "checkbox_background_color_selected": "var(--fill)",
    "checkbox_border_color": "var(--edge)",
    "checkbox_border_color_hover": "var(--edge)",
    "checkbox_border_color_focus": "var(--edge)",
    "checkbox_background_color_hover": "var(--hover)",
    "checkbox_border_color_selected": "var(--fill)",
    "checkbox_label_background_fill": "transparent",
    "checkbox_label_background_fill_hover": "var(--hover)",
    "checkbox_label_background_fill_selected": "transparent",
    "checkbox_label_text_color": "var(--ink)",
    "checkbox_label_text_color_selected": "var(--ink)",
    "table_odd_background_fill": "var(--card)",
    "table_even_background_fill": "var(--card)",
    "table_text_color": "var(--ink)",
    "table_border_color": "var(--line)",
    "button_primary_background_fill": "var(--fill)",
    "button_primary_background_fill_hover": "#0d356f",
    "button_primary_text_color": "#ffffff",
    "button_secondary_background_fill": "var(--card)",
    "button_secondary_background_fill_hover": "var(--hover)",
    "button_secondary_border_color": "var(--edge)",
    "button_secondary_text_color": "var(--ink)",
    "button_large_radius": "8px",
    "button_small_radius": "8px",
}

_BEFORE_THE_STYLE_SHEET = {
    "body_background_fill": "#f3f5fa",
    "body_background_fill_dark": "#0d1524",
    "body_text_color": "#15233b",
    "body_text_color_dark": "#e8edf6",
}


def style() -> str:
    """The page's own style sheet."""
    return _read("style.css")


def head(t: Texts, edition: str, seconds: float) -> str:
    """What goes into `<head>`: the sign, and the script for keys, countdowns and the language of the document.

    Every so many seconds it looks whether the server is still the one of that edition, and loads the page again if not.
    """
    told = {
        "language": t.language,
        "choose": t("gradio.choose"),
        "edition": edition,
        "every": round(1000 * seconds),
        "restarted": t("page.restarted"),
    }
    script = _read("page.js").replace("{told}", json.dumps(told).replace("<", "\\u003c"))
    return f"<link rel='icon' href='../favicon.ico'><script>{script}</script>"


def own_words(t: Texts) -> gr.I18n:
    """Gradio's own words, which would follow the browser: here they are those of the page, whatever it speaks."""
    words = {
        "upload_text.drop_file": t("gradio.drop"),
        "common.or": t("gradio.or"),
        "upload_text.click_to_upload": t("gradio.choose"),
        "common.clear": t("gradio.clear"),
    }
    return gr.I18n(**dict.fromkeys(_LOCALES, words))


def theme() -> gr.themes.Base:
    """Gradio's plain theme in Vigie's colours, which the style sheet names once for light and once for dark pages."""
    made = gr.themes.Base(
        primary_hue=gr.themes.colors.blue, neutral_hue=gr.themes.colors.slate, font=_FONTS, font_mono=("monospace",)
    ).set(**_COLOURS)
    dark = {f"{name}_dark": colour for name, colour in _COLOURS.items() if hasattr(made, f"{name}_dark")}
    return made.set(**dark, **_BEFORE_THE_STYLE_SHEET)


def _read(name: str) -> str:
    return files("ui").joinpath("static", name).read_text("utf-8")
