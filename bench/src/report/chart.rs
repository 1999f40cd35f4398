//! Charts as SVG. A library would bring fonts and a canvas for what are rectangles and text.

use std::fmt::Write;

const WIDTH: f64 = 760.0;
const LABEL_WIDTH: f64 = 230.0;
const VALUE_WIDTH: f64 = 70.0;
const TOP: f64 = 40.0;
const BAR_HEIGHT: f64 = 12.0;
const ROW_GAP: f64 = 10.0;
const PLOT_HEIGHT: f64 = 260.0;
const COLOURS: [&str; 2] = ["#24557a", "#8fb8d8"];
const GOAL_COLOUR: &str = "#c2410c";

/// A row of bars.
pub struct Bar {
    /// What stands before it.
    pub label: String,
    /// One bar for each.
    pub values: Vec<f64>,
    /// Where the goal is.
    pub mark: Option<f64>,
}

/// A line through points.
pub struct Line {
    /// In the order of the first coordinate.
    pub points: Vec<(f64, f64)>,
    /// A horizontal line to compare with.
    pub mark: Option<f64>,
}

/// Horizontal bars, one row below the other.
pub fn bars(title: &str, unit: &str, rows: &[Bar]) -> String {
    let most = rows.iter().flat_map(|row| row.values.iter().copied().chain(row.mark)).fold(0.0, f64::max);
    let scale = |value: f64| value / most.max(f64::MIN_POSITIVE) * (WIDTH - LABEL_WIDTH - VALUE_WIDTH);
    let mut body = String::new();
    let mut y = TOP;
    for row in rows {
        let height = BAR_HEIGHT * row.values.len() as f64;
        text(&mut body, (LABEL_WIDTH - 8.0, y + height / 2.0 + 4.0), "end", &row.label);
        for (index, value) in row.values.iter().enumerate() {
            let top = y + BAR_HEIGHT * index as f64;
            let _ = writeln!(
                body,
                r#"<rect x="{LABEL_WIDTH}" y="{top:.1}" width="{:.1}" height="{:.1}" fill="{}"/>"#,
                scale(*value),
                BAR_HEIGHT - 1.0,
                COLOURS[index % COLOURS.len()]
            );
            let shown = format!("{} {unit}", super::number(*value));
            text(&mut body, (LABEL_WIDTH + scale(*value) + 6.0, top + BAR_HEIGHT - 2.0), "start", shown.trim_end());
        }
        if let Some(mark) = row.mark {
            let x = LABEL_WIDTH + scale(mark);
            line(&mut body, (x, y - 3.0), (x, y + height + 2.0), GOAL_COLOUR);
        }
        y += height + ROW_GAP;
    }
    document(title, y + 6.0, &body)
}

/// Points joined by a line, with both scales from zero.
pub fn lines(title: &str, (x_unit, y_unit): (&str, &str), drawn: &Line) -> String {
    const LEFT: f64 = 60.0;
    const RIGHT: f64 = WIDTH - 30.0;
    let bottom = TOP + PLOT_HEIGHT;
    let most = |values: &mut dyn Iterator<Item = f64>| values.fold(f64::MIN_POSITIVE, f64::max);
    let x_most = most(&mut drawn.points.iter().map(|(x, _)| *x));
    let y_most = most(&mut drawn.points.iter().map(|(_, y)| *y).chain(drawn.mark));
    let place = |(x, y): (f64, f64)| (LEFT + x / x_most * (RIGHT - LEFT), bottom - y / y_most * PLOT_HEIGHT);
    let mut body = String::new();
    line(&mut body, (LEFT, bottom), (RIGHT, bottom), "#666");
    line(&mut body, (LEFT, TOP), (LEFT, bottom), "#666");
    if let Some(mark) = drawn.mark {
        let (_, y) = place((0.0, mark));
        line(&mut body, (LEFT, y), (RIGHT, y), GOAL_COLOUR);
        text(&mut body, (LEFT - 6.0, y + 4.0), "end", &super::number(mark));
    }
    for pair in drawn.points.windows(2) {
        line(&mut body, place(pair[0]), place(pair[1]), COLOURS[0]);
    }
    for point in &drawn.points {
        let (x, y) = place(*point);
        let _ = writeln!(body, r#"<circle cx="{x:.1}" cy="{y:.1}" r="3" fill="{}"/>"#, COLOURS[0]);
        text(&mut body, (x, y - 8.0), "middle", &super::number(point.1));
        text(&mut body, (x, bottom + 16.0), "middle", &super::number(point.0));
    }
    text(&mut body, (RIGHT, bottom + 32.0), "end", x_unit);
    text(&mut body, (LEFT - 6.0, TOP - 4.0), "end", y_unit);
    document(title, bottom + 42.0, &body)
}

fn document(title: &str, height: f64, body: &str) -> String {
    let mut head = String::new();
    text(&mut head, (12.0, 20.0), "start", title);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height:.0}\" viewBox=\"0 0 {WIDTH} {height:.0}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"12\" role=\"img\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n{head}{body}</svg>\n"
    )
}

fn text(to: &mut String, (x, y): (f64, f64), anchor: &str, words: &str) {
    let words = words.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(to, r##"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}" fill="#222">{words}</text>"##);
}

fn line(to: &mut String, from: (f64, f64), until: (f64, f64), colour: &str) {
    let _ = writeln!(
        to,
        r#"<line x1="{:.1}" y1="{:.1}" x2="{:.1}" y2="{:.1}" stroke="{colour}" stroke-width="2"/>"#,
        from.0, from.1, until.0, until.1
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bar_takes_the_width_and_others_their_part_of_it() {
        let row = |value| Bar { label: "<label>".to_owned(), values: vec![value], mark: None };
        let chart = bars("Title", "ms", &[row(100.0), row(25.0)]);
        let full = WIDTH - LABEL_WIDTH - VALUE_WIDTH;
        for width in [full, full / 4.0] {
            assert!(chart.contains(&format!("width=\"{width:.1}\" height")), "{chart}");
        }
        assert!(chart.contains("&lt;label>"), "{chart}");
    }
}
