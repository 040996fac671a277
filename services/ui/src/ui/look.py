"""How the page looks: one light theme, colours at least 4.5:1 on their ground, system fonts, nothing fetched."""

from importlib.resources import files

import gradio as gr

_FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Ubuntu", "Arial", "sans-serif")
_DARK = "_dark"


def style() -> str:
    """The page's own style sheet."""
    return _read("style.css")


def head(language: str) -> str:
    """What goes into `<head>`: the sign, and the script for keys, countdowns and the language of the document."""
    return f"<link rel='icon' href='../favicon.ico'><script>{_read('page.js').replace('{language}', language)}</script>"


def theme() -> gr.themes.Base:
    """Gradio's plain theme in Vigie's colours; a browser that prefers dark pages gets the same, which is tested."""
    made = gr.themes.Base(
        primary_hue=gr.themes.colors.blue, neutral_hue=gr.themes.colors.slate, font=_FONTS, font_mono=("monospace",)
    ).set(
        body_background_fill="#f4f6fa",
        body_text_color="#15233b",
        body_text_color_subdued="#46546b",
        color_accent="#12448c",
        block_label_text_color="#15233b",
        block_title_text_color="#15233b",
        block_info_text_color="#46546b",
        block_border_color="#c9d2e0",
        block_radius="10px",
        input_border_color="#6b7a92",
        input_placeholder_color="#5c6980",
        input_radius="8px",
        button_primary_background_fill="#12448c",
        button_primary_background_fill_hover="#0d356f",
        button_primary_text_color="#ffffff",
        button_secondary_background_fill="#ffffff",
        button_secondary_background_fill_hover="#e8eef8",
        button_secondary_border_color="#6b7a92",
        button_secondary_text_color="#15233b",
        button_large_radius="8px",
        button_small_radius="8px",
    )
    for name in [name for name in vars(made) if name.endswith(_DARK)]:
        setattr(made, name, getattr(made, name.removesuffix(_DARK)))
    return made


def _read(name: str) -> str:
    return files("ui").joinpath("static", name).read_text("utf-8")
