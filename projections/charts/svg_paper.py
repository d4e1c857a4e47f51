"""The paper that charts are drawn on: its measures, its quiet ink, and the few marks of SVG that a chart is made of."""

from html import escape

WIDTH = 800
LEFT, RIGHT, TOP, BOTTOM = 62.0, 680.0, 92.0, 316.0
QUIET = "#4c6272"


def text(words: str) -> str:
    """Words as XML text: escaped, and without the control characters that XML cannot hold."""
    return escape(
        "".join(
            c for c in words if c >= " " and c not in "\x7f\ufffe\uffff" and not "\ud800" <= c <= "\udfff"
        )
    )


def placed(x: float, y: float) -> str:
    """Where something stands."""
    return f'x="{x:.1f}" y="{y:.1f}"'


def stroke(path: str, colour: str, *, width: float = 1.2, dash: str = "") -> str:
    """A line along a path."""
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{width:.3g}"{dashed}/>'
