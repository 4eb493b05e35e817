//! The shipped font: its glyphs and the measure of text.
//!
//! Text is measured with the same outlines on every machine, so that layouts do not depend on
//! installed fonts. SVG viewers pick the first family they have; DejaVu Sans and Verdana share
//! their widths, and the last fallback is narrower than both on common systems.

use std::sync::OnceLock;

use super::words::typeset;
use ab_glyph::{Font as _, FontRef, PxScale, ScaleFont as _, point};

/// The family list that the SVG names.
pub(crate) const FAMILY: &str = "DejaVu Sans, Verdana, sans-serif";

/// Height of the font's line box in em: (1901 + 483) / 2048, from its `hhea` table.
pub(crate) const LINE_BOX_EM: f64 = 2384.0 / 2048.0;

/// Height of a capital letter in em: 1493 / 2048, from the outline of `H`.
pub(crate) const CAPITAL_EM: f64 = 1493.0 / 2048.0;

/// Distance between the baselines of wrapped lines, in em.
pub(crate) const LEADING_EM: f64 = 1.25;

static REGULAR: &[u8] = include_bytes!("../../assets/DejaVuSans.subset.ttf");
static BOLD: &[u8] = include_bytes!("../../assets/DejaVuSans-Bold.subset.ttf");

/// Weight of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    Normal,
    Bold,
}

/// The font's file.
pub(crate) fn bytes(weight: Weight) -> &'static [u8] {
    match weight {
        Weight::Normal => REGULAR,
        Weight::Bold => BOLD,
    }
}

/// The font's outlines.
pub(crate) fn outlines(weight: Weight) -> Result<&'static FontRef<'static>, String> {
    type Parsed = Result<FontRef<'static>, String>;
    static FONTS: [OnceLock<Parsed>; 2] = [OnceLock::new(), OnceLock::new()];
    FONTS[usize::from(weight == Weight::Bold)]
        .get_or_init(|| FontRef::try_from_slice(bytes(weight)).map_err(|e| e.to_string()))
        .as_ref()
        .map_err(|reason| format!("the shipped font could not be read: {reason}"))
}

/// The scale at which one em has the given size: ab_glyph scales to the line box.
fn scale(em: f64) -> PxScale {
    PxScale::from((em * LINE_BOX_EM) as f32)
}

/// Width of one line of text as it is set ([`typeset`]).
///
/// # Units
/// `em` and the result are page pixels.
///
/// # Errors
/// The font library's message where the font cannot be read.
pub(crate) fn text_width(text: &str, em: f64, weight: Weight) -> Result<f64, String> {
    let font = outlines(weight)?.as_scaled(scale(em));
    let advance = |c: char| f64::from(font.h_advance(font.glyph_id(c)));
    Ok(typeset(text).chars().map(advance).sum())
}

/// Gives the covered pixels of a line of text whose baseline starts at the origin, as x, y and the
/// covered share.
///
/// plotters' own bitmap text moves every glyph by its left bearing and rounds each advance, which
/// sets letters unevenly; here glyphs stand where the font says.
pub(crate) fn coverage(
    text: &str,
    em: f64,
    weight: Weight,
    mut pixel: impl FnMut(i32, i32, f64),
) -> Result<(), String> {
    let font = outlines(weight)?;
    let scaled = font.as_scaled(scale(em));
    let mut pen = 0.0;
    for c in text.chars() {
        let id = font.glyph_id(c);
        let glyph = id.with_scale_and_position(scale(em), point(pen, 0.0));
        if let Some(outline) = font.outline_glyph(glyph) {
            let corner = outline.px_bounds().min;
            outline.draw(|x, y, share| {
                let (x, y) = (corner.x as i32 + x as i32, corner.y as i32 + y as i32);
                pixel(x, y, f64::from(share.min(1.0)));
            });
        }
        pen += scaled.h_advance(id);
    }
    Ok(())
}

/// Breaks a text at spaces into lines no wider than `room`, where its words allow it.
pub(crate) fn wrap(text: &str, em: f64, weight: Weight, room: f64) -> Result<Vec<String>, String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        if let Some(last) = lines.last_mut() {
            let longer = format!("{last} {word}");
            if text_width(&longer, em, weight)? <= room {
                *last = longer;
                continue;
            }
        }
        lines.push(word.to_owned());
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_agree_with_the_font_tables() {
        // Advances from the hmtx table by fonttools: H 1540, λ 1212, ⁻ 1081 units of 2048 per em.
        for (text, units) in [("H", 1540.0), ("λ", 1212.0), ("⁻", 1081.0)] {
            let width = text_width(text, 2048.0, Weight::Normal).unwrap();
            assert!((width - units).abs() < 3.0, "{text}: {width} against {units}");
        }
    }

    #[test]
    fn bold_text_is_wider() {
        let normal = text_width("Total spread", 12.0, Weight::Normal).unwrap();
        assert!(text_width("Total spread", 12.0, Weight::Bold).unwrap() > normal);
    }

    #[test]
    fn wrapped_lines_fit_and_lose_no_word() {
        let text = "accuracy after pruning at every share for short and long training";
        let lines = wrap(text, 12.0, Weight::Normal, 150.0).unwrap();
        assert!(lines.len() > 1);
        assert_eq!(lines.join(" "), text);
        for line in &lines {
            assert!(text_width(line, 12.0, Weight::Normal).unwrap() <= 150.0);
        }
    }
}
