//! From scene to PNG: plotters' bitmap backend.
//!
//! plotters draws at whole pixels. The bitmap therefore has several of them per output pixel and is averaged down, which
//! also smooths edges. Dash patterns, polygons and glyphs at their exact places are made here, since plotters does not
//! offer them.

use plotters::backend::{BitMapBackend, DrawingBackend};
use plotters::style::{Color, RGBAColor, RGBColor, ShapeStyle};

use super::colour::Colour;
use super::font;
use super::geometry::{Point, dashes};
use super::png;
use super::scene::{Align, Item, Label, Scene};

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

/// Renders the scene as a PNG file with `scale` output pixels per page pixel.
///
/// # Errors
/// The backend's message.
pub(crate) fn bitmap(scene: &Scene, scale: u32) -> Result<Vec<u8>, String> {
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
