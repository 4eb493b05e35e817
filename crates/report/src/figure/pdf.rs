//! From scene to a PDF page: vectors, and text as text in the glyphs of the shipped font that the page shows.

use std::collections::{BTreeMap, BTreeSet};

use ab_glyph::Font as _;
use miniz_oxide::deflate::compress_to_vec_zlib;
use pdf_writer::types::{CidFontType, FontFlags, LineCapStyle, LineJoinStyle, SystemInfo, UnicodeCmap};
use pdf_writer::{Content, Filter, Finish as _, Name, Pdf, Rect, Ref, Str, TextStr};
use subsetter::GlyphRemapper;

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

const COMPRESSION: u8 = 10;

/// What the page refers to.
#[derive(Default)]
struct Used {
    faces: BTreeMap<u8, Face>,
    opacities: BTreeSet<u16>,
}

/// The part of a font that the page shows.
#[derive(Default)]
struct Face {
    /// From the glyphs of the shipped font to those of the embedded one.
    glyphs: GlyphRemapper,
    /// The embedded glyphs, with their width in thousandths of an em and what they stand for.
    shown: BTreeMap<u16, (f32, char)>,
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
    for font in used.faces.keys() {
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
    for (font, face) in &used.faces {
        embed(&mut pdf, *font, face)?;
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
    let (outlines, em) = (outlines(label.weight)?, em_of(font)?);
    let face = used.faces.entry(font).or_default();
    let mut shown = Vec::new();
    for character in label.text.chars() {
        let glyph = outlines.glyph_id(character);
        let embedded = face.glyphs.remap(glyph.0);
        let advance = outlines.h_advance_unscaled(glyph) / em * 1000.0;
        face.shown.insert(embedded, (advance, character));
        shown.extend(embedded.to_be_bytes());
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

/// Puts the glyphs that the page shows into the document, with the characters that they stand for.
fn embed(pdf: &mut Pdf, font: u8, face: &Face) -> Result<(), String> {
    let part = |part| font_ref(font, part);
    let name = face_name(font, face);
    let mut whole = pdf.type0_font(part(0));
    whole.base_font(Name(&name)).encoding_predefined(Name(b"Identity-H"));
    whole.descendant_font(part(1)).to_unicode(part(4));
    whole.finish();
    widths(pdf, font, face);
    describe(pdf, font, face)?;
    let file = subsetter::subset(bytes(weight_of(font)), 0, &face.glyphs).map_err(|e| e.to_string())?;
    let packed = compress_to_vec_zlib(&file, COMPRESSION);
    let length = i32::try_from(file.len()).map_err(|e| e.to_string())?;
    let mut stream = pdf.stream(part(3), &packed);
    stream.filter(Filter::FlateDecode).pair(Name(b"Length1"), length);
    stream.finish();
    let mut characters = UnicodeCmap::new(Name(b"Characters"), SYSTEM);
    for (glyph, (_, character)) in &face.shown {
        characters.pair(*glyph, *character);
    }
    let characters = compress_to_vec_zlib(&characters.finish(), COMPRESSION);
    pdf.stream(part(4), &characters).filter(Filter::FlateDecode);
    Ok(())
}

/// The font's name behind six letters that tell its part from other parts, as documents that embed several want it.
fn face_name(font: u8, face: &Face) -> Vec<u8> {
    let characters: String = face.shown.values().map(|(_, character)| character).collect();
    let mut sum = crc32fast::hash(characters.as_bytes());
    let mut name = Vec::new();
    for _ in 0..6 {
        name.push(b'A' + (sum % 26) as u8);
        sum /= 26;
    }
    name.extend(if font == 0 {
        &b"+DejaVuSans"[..]
    } else {
        b"+DejaVuSans-Bold"
    });
    name
}

fn em_of(font: u8) -> Result<f32, String> {
    let em = outlines(weight_of(font))?.units_per_em();
    em.ok_or_else(|| "the shipped font has no size".to_owned())
}

fn widths(pdf: &mut Pdf, font: u8, face: &Face) {
    let mut cid = pdf.cid_font(font_ref(font, 1));
    cid.subtype(CidFontType::Type2)
        .base_font(Name(&face_name(font, face)))
        .system_info(SYSTEM);
    cid.font_descriptor(font_ref(font, 2)).default_width(0.0);
    cid.cid_to_gid_map_predefined(Name(b"Identity"));
    let mut widths = cid.widths();
    if let Some(first) = face.shown.keys().next() {
        widths.consecutive(*first, face.shown.values().map(|(advance, _)| *advance));
    }
}

fn describe(pdf: &mut Pdf, font: u8, face: &Face) -> Result<(), String> {
    let (outlines, em) = (outlines(weight_of(font))?, em_of(font)?);
    let thousandths = |units: f32| units / em * 1000.0;
    let mut descriptor = pdf.font_descriptor(font_ref(font, 2));
    descriptor
        .name(Name(&face_name(font, face)))
        .flags(FontFlags::SYMBOLIC)
        .italic_angle(0.0);
    descriptor.bbox(Rect::new(-1021.0, -463.0, 1793.0, 1232.0));
    descriptor.ascent(thousandths(outlines.ascent_unscaled()));
    descriptor.descent(thousandths(outlines.descent_unscaled()));
    descriptor.cap_height((CAPITAL_EM * 1000.0) as f32);
    descriptor.stem_v(if font == 0 { 90.0 } else { 160.0 });
    descriptor.font_file2(font_ref(font, 3));
    Ok(())
}
