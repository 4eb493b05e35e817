//! The ways of writing each digit, as strokes in a box one high and about 0.6 wide.
//!
//! x runs to the right and y downwards, both from the middle of the box. Angles are in
//! degrees, from the right and, because y runs downwards, clockwise.

use espalier_seed::Stream;

/// A pen stroke: points joined by straight lines.
pub(super) type Stroke = Vec<[f64; 2]>;

/// Writes a digit in one of its ways.
pub(super) fn digit(digit: usize, stream: &mut Stream) -> Vec<Stroke> {
    match digit {
        0 => zero(stream),
        1 => one(stream),
        2 => two(stream),
        3 => three(stream),
        4 => four(stream),
        5 => five(stream),
        6 => six(stream),
        7 => seven(stream),
        8 => eight(stream),
        _ => nine(stream),
    }
}

/// A measure that varies by up to `spread` to either side.
fn about(value: f64, spread: f64, stream: &mut Stream) -> f64 {
    stream.uniform_in(value - spread, value + spread)
}

/// Part of an ellipse around `centre` with the given half-axes, between two angles.
fn arc(centre: [f64; 2], half_axes: [f64; 2], from: f64, to: f64) -> Stroke {
    let steps = ((to - from).abs() / 24.0).ceil().max(2.0) as usize;
    (0..=steps)
        .map(|step| {
            let angle = (from + (to - from) * step as f64 / steps as f64).to_radians();
            [
                centre[0] + half_axes[0] * angle.cos(),
                centre[1] + half_axes[1] * angle.sin(),
            ]
        })
        .collect()
}

fn zero(stream: &mut Stream) -> Vec<Stroke> {
    let (width, start) = (about(0.27, 0.08, stream), about(-90.0, 40.0, stream));
    let mut strokes = vec![arc([0.0, 0.0], [width, 0.5], start, start + about(355.0, 20.0, stream))];
    if stream.bernoulli(0.12) {
        strokes.push(vec![[0.7 * width, -0.3], [-0.7 * width, 0.3]]);
    }
    strokes
}

fn one(stream: &mut Stream) -> Vec<Stroke> {
    let mut strokes = vec![vec![[0.0, -0.5], [0.0, 0.5]]];
    if stream.bernoulli(0.5) {
        strokes.push(vec![
            [about(-0.2, 0.06, stream), about(-0.27, 0.08, stream)],
            [0.0, -0.5],
        ]);
        if stream.bernoulli(0.5) {
            let half = about(0.2, 0.05, stream);
            strokes.push(vec![[-half, 0.5], [half, 0.5]]);
        }
    }
    strokes
}

fn two(stream: &mut Stream) -> Vec<Stroke> {
    let (width, height) = (about(0.26, 0.04, stream), about(0.24, 0.04, stream));
    let mut stroke = arc(
        [0.0, -0.5 + height],
        [width, height],
        about(190.0, 20.0, stream),
        about(385.0, 15.0, stream),
    );
    let foot = about(-0.27, 0.04, stream);
    if stream.bernoulli(0.3) {
        // The diagonal ends in a small loop before the foot.
        stroke.extend(arc([foot + 0.07, 0.42], [0.08, 0.07], 30.0, 330.0));
    } else {
        stroke.push([foot, 0.48]);
    }
    stroke.push([about(0.28, 0.05, stream), about(0.48, 0.05, stream)]);
    vec![stroke]
}

fn three(stream: &mut Stream) -> Vec<Stroke> {
    let waist = about(-0.04, 0.05, stream);
    let mut stroke = if stream.bernoulli(0.25) {
        vec![[-0.22, -0.48], [0.22, -0.48], [about(0.0, 0.05, stream), waist]]
    } else {
        let height = (waist + 0.5) / 2.0;
        let mut upper = arc(
            [0.0, waist - height],
            [about(0.22, 0.04, stream), height],
            about(-155.0, 20.0, stream),
            75.0,
        );
        upper.push([about(-0.02, 0.06, stream), waist]);
        upper
    };
    let height = (0.5 - waist) / 2.0;
    stroke.extend(arc(
        [0.0, waist + height],
        [about(0.26, 0.04, stream), height],
        -75.0,
        about(155.0, 20.0, stream),
    ));
    vec![stroke]
}

fn four(stream: &mut Stream) -> Vec<Stroke> {
    let (bar, stem) = (about(0.14, 0.07, stream), about(0.12, 0.05, stream));
    let end = [about(0.3, 0.05, stream), bar];
    if stream.bernoulli(0.5) {
        let top = [stem, -0.5];
        vec![vec![top, [-0.28, bar], end], vec![top, [stem, 0.5]]]
    } else {
        let left = about(-0.24, 0.05, stream);
        let open = about(-0.4, 0.1, stream);
        vec![
            vec![[left + 0.05, -0.5], [left, bar], end],
            vec![[stem, open], [stem, 0.5]],
        ]
    }
}

fn five(stream: &mut Stream) -> Vec<Stroke> {
    let left = about(-0.2, 0.04, stream);
    let height = about(0.29, 0.03, stream);
    let mut stroke = vec![[left, -0.48], [left - 0.02, about(-0.08, 0.04, stream)]];
    stroke.extend(arc(
        [-0.02, 0.5 - height],
        [about(0.27, 0.04, stream), height],
        -125.0,
        about(145.0, 20.0, stream),
    ));
    vec![
        vec![[left, -0.48], [about(0.24, 0.06, stream), about(-0.48, 0.04, stream)]],
        stroke,
    ]
}

fn six(stream: &mut Stream) -> Vec<Stroke> {
    let (width, height) = (about(0.24, 0.04, stream), about(0.25, 0.05, stream));
    let centre = [0.0, 0.5 - height];
    // The back is a quarter of a large ellipse that ends where the loop begins, on its left.
    let reach = about(0.42, 0.12, stream);
    let mut stroke = arc(
        [reach - width, centre[1]],
        [reach, 0.5 + centre[1]],
        about(-75.0, 15.0, stream),
        -180.0,
    );
    stroke.extend(arc(centre, [width, height], 180.0, -about(175.0, 20.0, stream)));
    vec![stroke]
}

fn seven(stream: &mut Stream) -> Vec<Stroke> {
    let right = about(0.25, 0.04, stream);
    let foot = [about(-0.08, 0.1, stream), 0.5];
    let mut stroke = vec![[about(-0.26, 0.04, stream), about(-0.48, 0.04, stream)], [right, -0.48]];
    if stream.bernoulli(0.4) {
        stroke.push([about(0.04, 0.04, stream), about(-0.05, 0.05, stream)]);
    }
    stroke.push(foot);
    let mut strokes = vec![stroke];
    if stream.bernoulli(0.35) {
        let height = about(0.02, 0.05, stream);
        strokes.push(vec![[-0.14, height], [0.22, height]]);
    }
    strokes
}

fn eight(stream: &mut Stream) -> Vec<Stroke> {
    let waist = about(-0.04, 0.05, stream);
    let (upper, lower) = ((waist + 0.5) / 2.0, (0.5 - waist) / 2.0);
    let mut stroke = arc(
        [0.0, waist - upper],
        [about(0.2, 0.04, stream), upper],
        90.0,
        90.0 - about(350.0, 15.0, stream),
    );
    stroke.extend(arc(
        [0.0, waist + lower],
        [about(0.25, 0.04, stream), lower],
        -90.0,
        about(265.0, 15.0, stream),
    ));
    vec![stroke]
}

fn nine(stream: &mut Stream) -> Vec<Stroke> {
    let (width, height) = (about(0.23, 0.04, stream), about(0.25, 0.05, stream));
    let centre = [0.0, -0.5 + height];
    let mut stroke = arc(centre, [width, height], 0.0, -about(350.0, 12.0, stream));
    stroke.push([width, centre[1]]);
    if stream.bernoulli(0.5) {
        stroke.push([about(width - 0.06, 0.06, stream), 0.5]);
    } else {
        let reach = about(0.4, 0.1, stream);
        stroke.extend(arc(
            [width - reach, centre[1]],
            [reach, 0.5 - centre[1]],
            10.0,
            about(85.0, 20.0, stream),
        ));
    }
    vec![stroke]
}
