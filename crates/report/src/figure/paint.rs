//! From scene to file: plotters' SVG and bitmap backends.
//!
//! plotters draws at whole backend units. Both backends therefore get a canvas of several units per
//! page pixel: the SVG's `viewBox` maps them back, and the bitmap is averaged down, which also
//! smooths edges. Two things are done here because plotters does not offer them: dash patterns (an
//! attribute in SVG, geometry in bitmaps), and polygons and glyphs in bitmaps at their exact places.

use plotters::backend::{BitMapBackend, DrawingBackend, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontTransform, RGBAColor, RGBColor, ShapeStyle, TextStyle};

use super::colour::Colour;
use super::font;
use super::geometry::{Point, dashes};
use super::png;
use super::scene::{Align, Item, Label, Scene};

/// SVG units per page pixel: positions are rounded to a quarter of a pixel.
const SVG_UNITS: f64 = 4.0;

/// Bitmap units per output pixel along each side.
const OVERSAMPLING: u32 = 2;

/// Page pixels per metre: a page pixel is 1/96 inch, as in SVG.
const PAGE_DOTS_PER_METRE: f64 = 96.0 / 0.0254;

fn rgb(colour: Colour) -> RGBColor {
    RGBColor(colour.0, colour.1, colour.2)
}

fn units(p: Point, scale: f64) -> (i32, i32) {
    ((p.x * scale).round() as i32, (p.y * scale).round() as i32)
}

/// Distance of the baseline from plotters' `VPos::Top` in SVG, in em: its `dy`.
const SVG_BASELINE_EM: f64 = 0.76;

fn svg_label(backend: &mut SVGBackend<'_>, label: &Label) -> Result<(), String> {
    let shift = label.em * SVG_BASELINE_EM;
    let (at, turn) = if label.upright {
        let at = Point::new(label.at.x - shift, label.at.y);
        (at, FontTransform::Rotate270)
    } else {
        let at = Point::new(label.at.x, label.at.y - shift);
        (at, FontTransform::None)
    };
    let anchor = match label.align {
        Align::Start => HPos::Left,
        Align::Middle => HPos::Center,
        Align::End => HPos::Right,
    };
    let ink = rgb(label.colour);
    let font = font::description(label.em * SVG_UNITS, label.weight).transform(turn);
    let style = TextStyle::from(font).color(&ink).pos(Pos::new(anchor, VPos::Top));
    backend
        .draw_text(&label.text, &style, units(at, SVG_UNITS))
        .map_err(|e| format!("text {:?}: {e}", label.text))
}

fn bitmap_label(backend: &mut BitMapBackend<'_>, label: &Label, zoom: f64) -> Result<(), String> {
    let em = label.em * zoom;
    let before = match label.align {
        Align::Start => 0.0,
        Align::Middle => 0.5,
        Align::End => 1.0,
    };
    let back = (before * font::text_width(&label.text, em, label.weight)?).round() as i32;
    let (x0, y0) = units(label.at, zoom);
    let ink = rgb(label.colour);
    let mut failure = None;
    font::coverage(&label.text, em, label.weight, |x, y, share| {
        let along = x - back;
        let at = if label.upright {
            (x0 + y, y0 - along)
        } else {
            (x0 + along, y0 + y)
        };
        let drawn = backend.draw_pixel(at, ink.mix(share).to_backend_color());
        failure = failure.take().or(drawn.err());
    })?;
    failure.map_or(Ok(()), |e| Err(format!("text {:?}: {e}", label.text)))
}

/// Renders the scene as an SVG document.
///
/// # Errors
/// The backend's message.
pub(crate) fn svg(scene: &Scene) -> Result<String, String> {
    font::register();
    let size = ((scene.width * SVG_UNITS) as u32, (scene.height * SVG_UNITS) as u32);
    let mut document = String::new();
    let mut patterns = Vec::new();
    {
        let mut backend = SVGBackend::with_string(&mut document, size);
        let paper = rgb(Colour::WHITE).filled();
        backend
            .draw_rect((0, 0), (size.0 as i32, size.1 as i32), &paper, true)
            .map_err(|e| e.to_string())?;
        for item in &scene.items {
            svg_item(&mut backend, item, &mut patterns)?;
        }
        backend.present().map_err(|e| e.to_string())?;
    }
    Ok(finish_svg(&document, scene, &patterns))
}

fn svg_item(backend: &mut SVGBackend<'_>, item: &Item, patterns: &mut Vec<&'static [f64]>) -> Result<(), String> {
    let all = |points: &[Point]| -> Vec<(i32, i32)> {
        let mut all: Vec<_> = points.iter().map(|p| units(*p, SVG_UNITS)).collect();
        all.dedup();
        all
    };
    match item {
        Item::Polyline {
            points,
            colour,
            width,
            dash,
        } => {
            let width = (width * SVG_UNITS).round().max(1.0) as u32;
            patterns.push(dash);
            backend.draw_path(all(points), &rgb(*colour).stroke_width(width))
        }
        Item::Polygon {
            points,
            colour,
            opacity,
        } => backend.fill_polygon(all(points), &rgb(*colour).mix(*opacity)),
        Item::Disc { centre, radius, colour } => {
            let radius = (radius * SVG_UNITS).round() as u32;
            backend.draw_circle(units(*centre, SVG_UNITS), radius, &rgb(*colour).filled(), true)
        }
        Item::Text(label) => return svg_label(backend, label),
    }
    .map_err(|e| e.to_string())
}

/// Sets the page size, adds dash patterns to the polylines, which stand one per line in drawing
/// order, and drops attributes that say nothing.
fn finish_svg(document: &str, scene: &Scene, patterns: &[&[f64]]) -> String {
    let mut patterns = patterns.iter();
    let mut out = String::with_capacity(document.len());
    let size = |v: f64| (v * SVG_UNITS) as u32;
    for (number, line) in document.lines().enumerate() {
        if number == 0 {
            out.push_str(&format!(
                "<svg width=\"{}\" height=\"{}\" viewBox=\"0 0 {} {}\" stroke-linejoin=\"round\" \
                 xmlns=\"http://www.w3.org/2000/svg\">\n",
                scene.width,
                scene.height,
                size(scene.width),
                size(scene.height)
            ));
            continue;
        }
        let mut line = line.replace(" opacity=\"1\"", "").replace(" \"/>", "\"/>");
        if line.starts_with("<polyline") {
            let dash = patterns.next().copied().unwrap_or_default();
            if !dash.is_empty() {
                let lengths: Vec<String> = dash.iter().map(|d| format!("{}", d * SVG_UNITS)).collect();
                let attribute = format!("<polyline stroke-dasharray=\"{}\"", lengths.join(" "));
                line = line.replacen("<polyline", &attribute, 1);
            }
        }
        out.push_str(&line);
        out.push('\n');
    }
    out
}

/// Renders the scene as a PNG file with `scale` output pixels per page pixel.
///
/// # Errors
/// The backend's message.
pub(crate) fn bitmap(scene: &Scene, scale: u32) -> Result<Vec<u8>, String> {
    font::register();
    let zoom = scale * OVERSAMPLING;
    let (width, height) = (scene.width as u32 * zoom, scene.height as u32 * zoom);
    let mut pixels = vec![255u8; width as usize * height as usize * 3];
    {
        let mut backend = BitMapBackend::with_buffer(&mut pixels, (width, height));
        for item in &scene.items {
            bitmap_item(&mut backend, item, f64::from(zoom))?;
        }
        backend.present().map_err(|e| e.to_string())?;
    }
    let small = average(&pixels, width as usize, OVERSAMPLING as usize);
    let density = (PAGE_DOTS_PER_METRE * f64::from(scale)).round() as u32;
    Ok(png::encode(
        &small,
        width / OVERSAMPLING,
        height / OVERSAMPLING,
        density,
    ))
}

fn bitmap_item(backend: &mut BitMapBackend<'_>, item: &Item, zoom: f64) -> Result<(), String> {
    match item {
        Item::Polyline {
            points,
            colour,
            width,
            dash,
        } => {
            for run in dashes(points, dash) {
                stroke(backend, &run, *width, *colour, zoom)?;
            }
            Ok(())
        }
        Item::Polygon {
            points,
            colour,
            opacity,
        } => fill(backend, points, rgb(*colour).mix(*opacity), zoom),
        Item::Disc { centre, radius, colour } => fill(backend, &circle(*centre, *radius), rgb(*colour).to_rgba(), zoom),
        Item::Text(label) => bitmap_label(backend, label, zoom),
    }
}

/// Draws each piece of a line as a quadrilateral and rounds the joints.
fn stroke(
    backend: &mut BitMapBackend<'_>,
    points: &[Point],
    width: f64,
    colour: Colour,
    zoom: f64,
) -> Result<(), String> {
    let ink = rgb(colour).to_rgba();
    for pair in points.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        let length = a.distance(b);
        if length <= 0.0 {
            continue;
        }
        let (nx, ny) = ((b.y - a.y) / length * width / 2.0, (a.x - b.x) / length * width / 2.0);
        let quad = [
            Point::new(a.x + nx, a.y + ny),
            Point::new(b.x + nx, b.y + ny),
            Point::new(b.x - nx, b.y - ny),
            Point::new(a.x - nx, a.y - ny),
        ];
        fill(backend, &quad, ink, zoom)?;
    }
    if width * zoom >= 3.0 {
        for joint in points.iter().skip(1).take(points.len().saturating_sub(2)) {
            fill(backend, &circle(*joint, width / 2.0), ink, zoom)?;
        }
    }
    Ok(())
}

fn circle(centre: Point, radius: f64) -> Vec<Point> {
    let count = 24;
    (0..count)
        .map(|i| {
            let angle = std::f64::consts::TAU * f64::from(i) / f64::from(count);
            Point::new(centre.x + radius * angle.cos(), centre.y + radius * angle.sin())
        })
        .collect()
}

/// Fills a polygon by the even–odd rule, one span per row of units.
fn fill(backend: &mut BitMapBackend<'_>, points: &[Point], ink: RGBAColor, zoom: f64) -> Result<(), String> {
    let style = ShapeStyle::from(&ink).filled();
    let mut edges: Vec<(Point, Point)> = Vec::with_capacity(points.len());
    for (i, a) in points.iter().enumerate() {
        let b = points[(i + 1) % points.len()];
        let (a, b) = (Point::new(a.x * zoom, a.y * zoom), Point::new(b.x * zoom, b.y * zoom));
        edges.push(if a.y <= b.y { (a, b) } else { (b, a) });
    }
    edges.sort_by(|p, q| p.0.y.total_cmp(&q.0.y));
    let Some(first) = edges.first().map(|e| (e.0.y - 0.5).ceil() as i32) else {
        return Ok(());
    };
    let bottom = edges.iter().map(|e| e.1.y).fold(f64::MIN, f64::max);
    let (mut active, mut next): (Vec<(Point, Point)>, usize) = (Vec::new(), 0);
    let mut crossings = Vec::new();
    for row in first..=(bottom - 0.5).floor() as i32 {
        let y = f64::from(row) + 0.5;
        while next < edges.len() && edges[next].0.y <= y {
            active.push(edges[next]);
            next += 1;
        }
        active.retain(|e| e.1.y > y);
        crossings.clear();
        crossings.extend(active.iter().map(|(a, b)| a.x + (y - a.y) / (b.y - a.y) * (b.x - a.x)));
        crossings.sort_by(f64::total_cmp);
        for span in crossings.chunks_exact(2) {
            let (from, to) = ((span[0] - 0.5).ceil() as i32, (span[1] - 0.5).ceil() as i32);
            if from < to {
                backend
                    .draw_rect((from, row), (to, row + 1), &style, true)
                    .map_err(|e| e.to_string())?;
            }
        }
    }
    Ok(())
}

/// Averages blocks of `factor` × `factor` pixels.
fn average(pixels: &[u8], width: usize, factor: usize) -> Vec<u8> {
    let stride = width * 3;
    let area = (factor * factor) as u32;
    let mut out = Vec::with_capacity(pixels.len() / (factor * factor));
    for block_rows in pixels.chunks_exact(stride * factor) {
        for x in (0..width / factor).map(|x| x * factor * 3) {
            for channel in 0..3 {
                let sum: u32 = (0..factor)
                    .flat_map(|dy| (0..factor).map(move |dx| dy * stride + dx * 3))
                    .map(|offset| u32::from(block_rows[x + offset + channel]))
                    .sum();
                out.push(((sum + area / 2) / area) as u8);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averaging_halves_each_side() {
        // Two pixels of 0 and two of 255 give (510 + 2) / 4 = 128.
        let pixels = [[0u8; 3], [255; 3], [255; 3], [0; 3]].concat();
        assert_eq!(average(&pixels, 2, 2), [128, 128, 128]);
    }

    #[test]
    fn a_filled_square_covers_its_pixels() {
        let mut pixels = vec![255u8; 10 * 10 * 3];
        {
            let mut backend = BitMapBackend::with_buffer(&mut pixels, (10, 10));
            let square = [(2.0, 2.0), (5.0, 2.0), (5.0, 6.0), (2.0, 6.0)];
            let points: Vec<Point> = square.iter().map(|(x, y)| Point::new(*x, *y)).collect();
            fill(&mut backend, &points, RGBColor(0, 0, 0).to_rgba(), 1.0).unwrap();
        }
        let dark = pixels.chunks_exact(3).filter(|p| p[0] == 0).count();
        assert_eq!(dark, 3 * 4);
    }
}
