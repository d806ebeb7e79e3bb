"""Lines as SVG, drawn by gnuplot."""
import subprocess

# The library's lines stand out; the others differ from each other in print too.
STYLES = {
    "expstart_thread": "lc rgb '#c0392b' lw 3 pt 7 ps 0.6",
    "expstart_loop": "lc rgb '#e67e22' lw 3 pt 5 ps 0.6",
    "bare": "lc rgb '#7f8c8d' lw 2 dt 2 pt 1 ps 0.6",
    "bare_tuned": "lc rgb '#2c3e50' lw 1.5 pt 2 ps 0.6",
    "bare_plain": "lc rgb '#2980b9' lw 1.5 pt 3 ps 0.6",
    "go": "lc rgb '#16a085' lw 1.5 pt 4 ps 0.6",
    "undici": "lc rgb '#27ae60' lw 1.5 pt 6 ps 0.6",
    "aiohttp": "lc rgb '#8e44ad' lw 1.5 pt 8 ps 0.6",
    "curl": "lc rgb '#d4a017' lw 1.5 pt 10 ps 0.6",
    "absmartly_cli": "lc rgb '#e84393' lw 1.5 pt 12 ps 0.6",
}


def draw(path, title, x_label, y_label, lines, names, log="xy", points=True):
    """lines: client -> [(x, y)]; where none has two points, nothing is drawn, and that is False."""
    lines = {key: line for key, line in lines.items() if line}
    if max(map(len, lines.values()), default=0) < 2:
        return False
    script = [
        "set terminal svg noenhanced size 820,460 font 'sans-serif,12' background '#ffffff'",
        f"set output '{path}'",
        f"set title '{title}'",
        f"set xlabel '{x_label}'",
        f"set ylabel '{y_label}'",
        "set key outside right top; set grid lc rgb '#dddddd'; set format y '%.12g'; set format x '%.12g'",
    ]
    if log:
        script.append(f"set logscale {log}")
    for key, line in lines.items():
        script.append(f"${key} << END")
        script += [f"{x} {y}" for x, y in line]
        script.append("END")
    kind = "linespoints" if points else "lines"
    style = {key: STYLES[key] if points else STYLES[key].split(" pt ")[0] for key in lines}
    script.append(
        "plot " + ", ".join(f"${key} with {kind} {style[key]} title '{names[key]}'" for key in lines)
    )
    subprocess.run(["gnuplot"], input="\n".join(script) + "\n", text=True, check=True)
    return True
