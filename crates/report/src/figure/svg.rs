//! From scene to an SVG document of few bytes: whole units, relative paths, and text as text.

use std::fmt::{Result, Write as _};

use super::colour::Colour;
use super::font::{FAMILY, Weight};
use super::geometry::Point;
use super::scene::{Align, Item, Label, Scene};

/// Units per page pixel: positions are rounded to a quarter of a pixel.
const UNITS: f64 = 4.0;

/// Renders the scene as an SVG document.
///
/// # Errors
/// The formatter's message.
pub(crate) fn svg(scene: &Scene) -> std::result::Result<String, String> {
    let mut document = String::new();
    write(&mut document, scene).map_err(|e| e.to_string())?;
    Ok(document)
}

fn write(out: &mut String, scene: &Scene) -> Result {
    let (width, height) = (scene.width, scene.height);
    let (across, down) = (units(width), units(height));
    write!(
        out,
        r#"<svg width="{width}" height="{height}" viewBox="0 0 {across} {down}""#
    )?;
    write!(out, r#" font-family="{FAMILY}" stroke-linejoin="round""#)?;
    writeln!(out, r#" xmlns="http://www.w3.org/2000/svg">"#)?;
    writeln!(out, r##"<path fill="#fff" d="M0 0h{across}v{down}h-{across}z"/>"##)?;
    for item in &scene.items {
        write_item(out, item)?;
        out.push('\n');
    }
    writeln!(out, "</svg>")
}

fn units(length: f64) -> i64 {
    (length * UNITS).round() as i64
}

/// A colour in three digits where they say it, else in six.
fn hex(colour: Colour) -> String {
    let Colour(red, green, blue) = colour;
    match [red, green, blue].iter().all(|channel| channel % 17 == 0) {
        true => format!("#{:x}{:x}{:x}", red / 17, green / 17, blue / 17),
        false => format!("#{red:02x}{green:02x}{blue:02x}"),
    }
}

fn write_item(out: &mut String, item: &Item) -> Result {
    match item {
        Item::Polyline {
            points,
            colour,
            width,
            dash,
        } => {
            let width = units(*width).max(1);
            write!(
                out,
                r#"<path fill="none" stroke="{}" stroke-width="{width}""#,
                hex(*colour)
            )?;
            if !dash.is_empty() {
                let lengths: Vec<String> = dash.iter().map(|length| (length * UNITS).to_string()).collect();
                write!(out, r#" stroke-dasharray="{}""#, lengths.join(" "))?;
            }
            write!(out, r#" d="{}"/>"#, path(points))
        }
        Item::Polygon {
            points,
            colour,
            opacity,
        } => {
            write!(out, r#"<path fill="{}""#, hex(*colour))?;
            if *opacity < 1.0 {
                write!(out, r#" opacity="{opacity}""#)?;
            }
            write!(out, r#" d="{}z"/>"#, path(points))
        }
        Item::Disc { centre, radius, colour } => {
            let (x, y, r) = (units(centre.x), units(centre.y), units(*radius));
            write!(out, r#"<circle cx="{x}" cy="{y}" r="{r}" fill="{}"/>"#, hex(*colour))
        }
        Item::Text(label) => write_label(out, label),
    }
}

fn write_label(out: &mut String, label: &Label) -> Result {
    let (x, y) = (units(label.at.x), units(label.at.y));
    match label.upright {
        true => write!(out, r#"<text transform="translate({x} {y})rotate(-90)""#)?,
        false => write!(out, r#"<text x="{x}" y="{y}""#)?,
    }
    let anchor = match label.align {
        Align::Start => "",
        Align::Middle => r#" text-anchor="middle""#,
        Align::End => r#" text-anchor="end""#,
    };
    let weight = match label.weight {
        Weight::Normal => "",
        Weight::Bold => r#" font-weight="bold""#,
    };
    let (size, colour) = (label.em * UNITS, hex(label.colour));
    write!(out, r#"{anchor} font-size="{size}"{weight} fill="{colour}">"#)?;
    for character in label.text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            other => out.push(other),
        }
    }
    out.write_str("</text>")
}

/// A path through points: the first in its place, the others relative to the one before.
fn path(points: &[Point]) -> String {
    let mut places: Vec<(i64, i64)> = points.iter().map(|point| (units(point.x), units(point.y))).collect();
    places.dedup();
    let Some(&(x, y)) = places.first() else {
        return String::new();
    };
    let mut path = format!("M{x} {y}");
    let mut last = 'M';
    for pair in places.windows(2) {
        let (dx, dy) = (pair[1].0 - pair[0].0, pair[1].1 - pair[0].1);
        let (command, lengths) = match (dx, dy) {
            (dx, 0) => ('h', [Some(dx), None]),
            (0, dy) => ('v', [Some(dy), None]),
            (dx, dy) => ('l', [Some(dx), Some(dy)]),
        };
        if command != last {
            path.push(command);
        }
        for (place, length) in lengths.into_iter().flatten().enumerate() {
            // A sign or a command parts numbers as well as a space does.
            let parted = length < 0 || (place == 0 && command != last);
            if !parted {
                path.push(' ');
            }
            path.push_str(&length.to_string());
        }
        last = command;
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(places: &[(f64, f64)]) -> Vec<Point> {
        places.iter().map(|(x, y)| Point::new(*x, *y)).collect()
    }

    #[test]
    fn a_path_is_relative_and_names_a_command_once() {
        // In quarter pixels: (0, 0), (4, 8), (8, 4), (8, 4) again, (12, 4), (12, 0), (16, 0).
        let path = path(&points(&[
            (0.0, 0.0),
            (1.0, 2.0),
            (2.0, 1.0),
            (2.0, 1.05),
            (3.0, 1.0),
            (3.0, 0.0),
            (4.0, 0.0),
        ]));
        assert_eq!(path, "M0 0l4 8 4-4h4v-4h4");
    }

    #[test]
    fn text_is_escaped_and_stands_on_its_baseline() {
        let label = Label::new("a < b & c", Point::new(1.0, 2.5), 11.5, Colour::INK);
        let mut out = String::new();
        write_label(&mut out, &label).unwrap();
        assert_eq!(
            out,
            r##"<text x="4" y="10" font-size="46" fill="#222">a &lt; b &amp; c</text>"##
        );
        out.clear();
        write_label(&mut out, &label.align(Align::Middle).upright()).unwrap();
        assert!(out.starts_with(r#"<text transform="translate(4 10)rotate(-90)" text-anchor="middle""#));
    }

    #[test]
    fn colours_take_three_digits_where_they_can() {
        assert_eq!(hex(Colour::WHITE), "#fff");
        assert_eq!(hex(Colour(0, 114, 178)), "#0072b2");
    }
}
