//! From scene to a PDF page: vectors, and text as text in the shipped font.

use std::collections::{BTreeMap, BTreeSet};

use ab_glyph::Font as _;
use miniz_oxide::deflate::compress_to_vec_zlib;
use pdf_writer::types::{CidFontType, FontFlags, LineCapStyle, LineJoinStyle, SystemInfo, UnicodeCmap};
use pdf_writer::{Content, Filter, Finish as _, Name, Pdf, Rect, Ref, Str, TextStr};

use super::colour::Colour;
use super::font::{CAPITAL_EM, Weight, bytes, outlines, text_width};
use super::geometry::Point;
use super::scene::{Align, Item, Label, Scene};

/// Points of a PDF per page pixel.
const POINTS: f64 = 72.0 / 96.0;

/// How far a circle's control points stand from its corners, by its radius.
const ROUND: f64 = 0.552_284_75;

const SYSTEM: SystemInfo<'static> = SystemInfo {
    registry: Str(b"Adobe"),
    ordering: Str(b"Identity"),
    supplement: 0,
};

const COMPRESSION: u8 = 9;

/// What the page refers to.
#[derive(Default)]
struct Used {
    glyphs: BTreeMap<u8, BTreeMap<u16, char>>,
    opacities: BTreeSet<u16>,
}

/// Draws a scene as a document of one page.
///
/// # Errors
/// The font library's message where the font cannot be read.
pub(crate) fn pdf(scene: &Scene, title: &str) -> Result<Vec<u8>, String> {
    let mut used = Used::default();
    let content = content(scene, &mut used)?;
    let (catalog, tree, page_id, content_id, info) = (Ref::new(1), Ref::new(2), Ref::new(3), Ref::new(4), Ref::new(5));
    let mut pdf = Pdf::new();
    pdf.catalog(catalog).pages(tree);
    pdf.pages(tree).kids([page_id]).count(1);
    pdf.document_info(info).title(TextStr(title));
    let mut page = pdf.page(page_id);
    page.parent(tree).contents(content_id);
    page.media_box(Rect::new(
        0.0,
        0.0,
        (scene.width * POINTS) as f32,
        (scene.height * POINTS) as f32,
    ));
    let mut resources = page.resources();
    let mut fonts = resources.fonts();
    for font in used.glyphs.keys() {
        fonts.pair(Name(&font_name(*font)), font_ref(*font, 0));
    }
    fonts.finish();
    let mut states = resources.ext_g_states();
    for opacity in &used.opacities {
        let share = f32::from(*opacity) / 1000.0;
        let mut state = states
            .insert(Name(&state_name(*opacity)))
            .start::<pdf_writer::writers::ExtGraphicsState<'_>>();
        state.non_stroking_alpha(share).stroking_alpha(share);
    }
    states.finish();
    resources.finish();
    page.finish();
    let packed = compress_to_vec_zlib(&content, COMPRESSION);
    pdf.stream(content_id, &packed).filter(Filter::FlateDecode);
    for (font, glyphs) in &used.glyphs {
        embed(&mut pdf, *font, glyphs)?;
    }
    Ok(pdf.finish())
}

fn font_name(font: u8) -> Vec<u8> {
    format!("F{font}").into_bytes()
}

fn state_name(opacity: u16) -> Vec<u8> {
    format!("A{opacity}").into_bytes()
}

/// The place in the document of a font's parts: the font, its glyphs, their description, the file, the characters.
fn font_ref(font: u8, part: i32) -> Ref {
    Ref::new(10 + 10 * i32::from(font) + part)
}

fn weight_of(font: u8) -> Weight {
    if font == 0 { Weight::Normal } else { Weight::Bold }
}

fn content(scene: &Scene, used: &mut Used) -> Result<Vec<u8>, String> {
    let mut content = Content::new();
    let scale = POINTS as f32;
    // Page pixels from the upper left corner, as everywhere else.
    content.transform([scale, 0.0, 0.0, -scale, 0.0, (scene.height * POINTS) as f32]);
    content
        .set_line_cap(LineCapStyle::ButtCap)
        .set_line_join(LineJoinStyle::RoundJoin);
    for item in &scene.items {
        match item {
            Item::Polyline {
                points,
                colour,
                width,
                dash,
            } => polyline(&mut content, points, *colour, *width, dash),
            Item::Polygon {
                points,
                colour,
                opacity,
            } => polygon(&mut content, points, *colour, *opacity, used),
            Item::Disc { centre, radius, colour } => disc(&mut content, *centre, *radius, *colour),
            Item::Text(label) => text(&mut content, label, used)?,
        }
    }
    Ok(content.finish().to_vec())
}

fn channels(colour: Colour) -> [f32; 3] {
    [colour.0, colour.1, colour.2].map(|channel| (f32::from(channel) / 255.0 * 1000.0).round() / 1000.0)
}

/// A coordinate to a hundredth of a page pixel.
fn at(value: f64) -> f32 {
    ((value * 100.0).round() / 100.0) as f32
}

fn path(content: &mut Content, points: &[Point]) {
    for (place, point) in points.iter().enumerate() {
        if place == 0 {
            content.move_to(at(point.x), at(point.y));
        } else {
            content.line_to(at(point.x), at(point.y));
        }
    }
}

fn polyline(content: &mut Content, points: &[Point], colour: Colour, width: f64, dash: &[f64]) {
    let [red, green, blue] = channels(colour);
    content.set_stroke_rgb(red, green, blue).set_line_width(at(width));
    content.set_dash_pattern(dash.iter().map(|length| at(*length)), 0.0);
    path(content, points);
    content.stroke();
}

fn polygon(content: &mut Content, points: &[Point], colour: Colour, opacity: f64, used: &mut Used) {
    let [red, green, blue] = channels(colour);
    content.save_state().set_fill_rgb(red, green, blue);
    if opacity < 1.0 {
        let thousandths = (opacity * 1000.0).round() as u16;
        used.opacities.insert(thousandths);
        content.set_parameters(Name(&state_name(thousandths)));
    }
    path(content, points);
    content.close_path().fill_nonzero().restore_state();
}

fn disc(content: &mut Content, centre: Point, radius: f64, colour: Colour) {
    let [red, green, blue] = channels(colour);
    content.set_fill_rgb(red, green, blue);
    let place = |x: f64, y: f64| (at(centre.x + x * radius), at(centre.y + y * radius));
    let (x, y) = place(1.0, 0.0);
    content.move_to(x, y);
    for (from, to) in [
        ((1.0, 0.0), (0.0, 1.0)),
        ((0.0, 1.0), (-1.0, 0.0)),
        ((-1.0, 0.0), (0.0, -1.0)),
        ((0.0, -1.0), (1.0, 0.0)),
    ] {
        let ((fx, fy), (tx, ty)): ((f64, f64), (f64, f64)) = (from, to);
        let (a, b) = place(fx + ROUND * tx, fy + ROUND * ty);
        let (c, d) = place(tx + ROUND * fx, ty + ROUND * fy);
        let (x, y) = place(tx, ty);
        content.cubic_to(a, b, c, d, x, y);
    }
    content.fill_nonzero();
}

fn text(content: &mut Content, label: &Label, used: &mut Used) -> Result<(), String> {
    let font = u8::from(label.weight == Weight::Bold);
    let width = text_width(&label.text, label.em, label.weight)?;
    let before = match label.align {
        Align::Start => 0.0,
        Align::Middle => width / 2.0,
        Align::End => width,
    };
    let outlines = outlines(label.weight)?;
    let known = used.glyphs.entry(font).or_default();
    let mut shown = Vec::new();
    for character in label.text.chars() {
        let glyph = outlines.glyph_id(character).0;
        known.insert(glyph, character);
        shown.extend(glyph.to_be_bytes());
    }
    let Point { x, y } = label.at;
    let matrix = match label.upright {
        true => [0.0, -1.0, -1.0, 0.0, at(x), at(y + before)],
        false => [1.0, 0.0, 0.0, -1.0, at(x - before), at(y)],
    };
    let [red, green, blue] = channels(label.colour);
    content.set_fill_rgb(red, green, blue).begin_text();
    content
        .set_font(Name(&font_name(font)), at(label.em))
        .set_text_matrix(matrix);
    content.show(Str(&shown)).end_text();
    Ok(())
}

/// Puts a font into the document, with the characters that its glyphs stand for.
fn embed(pdf: &mut Pdf, font: u8, glyphs: &BTreeMap<u16, char>) -> Result<(), String> {
    let part = |part| font_ref(font, part);
    let mut whole = pdf.type0_font(part(0));
    whole.base_font(face(font)).encoding_predefined(Name(b"Identity-H"));
    whole.descendant_font(part(1)).to_unicode(part(4));
    whole.finish();
    widths(pdf, font, glyphs)?;
    describe(pdf, font)?;
    let file = bytes(weight_of(font));
    let packed = compress_to_vec_zlib(file, COMPRESSION);
    let length = i32::try_from(file.len()).map_err(|e| e.to_string())?;
    let mut stream = pdf.stream(part(3), &packed);
    stream.filter(Filter::FlateDecode).pair(Name(b"Length1"), length);
    stream.finish();
    let mut characters = UnicodeCmap::new(Name(b"Characters"), SYSTEM);
    for (glyph, character) in glyphs {
        characters.pair(*glyph, *character);
    }
    let characters = compress_to_vec_zlib(&characters.finish(), COMPRESSION);
    pdf.stream(part(4), &characters).filter(Filter::FlateDecode);
    Ok(())
}

fn face(font: u8) -> Name<'static> {
    Name(if font == 0 { b"DejaVuSans" } else { b"DejaVuSans-Bold" })
}

fn em_of(font: u8) -> Result<f32, String> {
    let em = outlines(weight_of(font))?.units_per_em();
    em.ok_or_else(|| "the shipped font has no size".to_owned())
}

fn widths(pdf: &mut Pdf, font: u8, glyphs: &BTreeMap<u16, char>) -> Result<(), String> {
    let (outlines, em) = (outlines(weight_of(font))?, em_of(font)?);
    let mut cid = pdf.cid_font(font_ref(font, 1));
    cid.subtype(CidFontType::Type2)
        .base_font(face(font))
        .system_info(SYSTEM);
    cid.font_descriptor(font_ref(font, 2)).default_width(0.0);
    cid.cid_to_gid_map_predefined(Name(b"Identity"));
    let mut widths = cid.widths();
    for glyph in glyphs.keys() {
        let advance = outlines.h_advance_unscaled(ab_glyph::GlyphId(*glyph)) / em * 1000.0;
        widths.consecutive(*glyph, [advance]);
    }
    Ok(())
}

fn describe(pdf: &mut Pdf, font: u8) -> Result<(), String> {
    let (outlines, em) = (outlines(weight_of(font))?, em_of(font)?);
    let thousandths = |units: f32| units / em * 1000.0;
    let mut descriptor = pdf.font_descriptor(font_ref(font, 2));
    descriptor.name(face(font)).flags(FontFlags::SYMBOLIC).italic_angle(0.0);
    descriptor.bbox(Rect::new(-1021.0, -463.0, 1793.0, 1232.0));
    descriptor.ascent(thousandths(outlines.ascent_unscaled()));
    descriptor.descent(thousandths(outlines.descent_unscaled()));
    descriptor.cap_height((CAPITAL_EM * 1000.0) as f32);
    descriptor.stem_v(if font == 0 { 90.0 } else { 160.0 });
    descriptor.font_file2(font_ref(font, 3));
    Ok(())
}
