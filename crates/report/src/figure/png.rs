//! Small PNG files: a palette of at most 256 colours and a pinned compressor.
//!
//! Charts have few colours, and a palette takes a third of the space of RGB. The stream is made with
//! miniz_oxide directly: other encoders use the zlib that the rest of a build happens to select, and
//! then the same figure would have other bytes in another build.

use std::collections::BTreeMap;

const SIGNATURE: [u8; 8] = [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n'];

/// The compressor's most patient level: 3 % smaller than the one below it, in half as much time again.
const COMPRESSION: u8 = 10;

type Rgb = [u8; 3];

/// Encodes an RGB image.
///
/// # Shapes
/// `pixels` holds `width * height` triples by row.
pub(crate) fn encode(pixels: &[u8], width: u32, height: u32, dots_per_metre: u32) -> Vec<u8> {
    let (palette, index) = palette(pixels, width as usize);
    let row_bytes = width as usize * 3;
    let mut rows = Vec::with_capacity((width as usize + 1) * height as usize);
    let bits: u8 = if palette.len() <= FEW { 4 } else { 8 };
    for row in pixels.chunks_exact(row_bytes) {
        rows.push(0); // filter type 0: palette indices have no gradients to predict
        let entries: Vec<u8> = row.chunks_exact(3).map(|p| index[&[p[0], p[1], p[2]]]).collect();
        match bits {
            4 => rows.extend(entries.chunks(2).map(|two| two[0] << 4 | two.get(1).unwrap_or(&0))),
            _ => rows.extend(entries),
        }
    }
    let mut header = Vec::with_capacity(13);
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    header.extend([bits, 3, 0, 0, 0]); // palette, deflate, adaptive filters, no interlacing
    let mut density = Vec::with_capacity(9);
    density.extend(dots_per_metre.to_be_bytes());
    density.extend(dots_per_metre.to_be_bytes());
    density.push(1); // unit: metre
    let mut file = SIGNATURE.to_vec();
    chunk(&mut file, b"IHDR", &header);
    chunk(&mut file, b"pHYs", &density);
    chunk(&mut file, b"PLTE", palette.as_flattened());
    let stream = miniz_oxide::deflate::compress_to_vec_zlib(&rows, COMPRESSION);
    chunk(&mut file, b"IDAT", &stream);
    chunk(&mut file, b"IEND", &[]);
    file
}

fn chunk(file: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) {
    // A chunk holds less than 2³¹ bytes; figures over 300 KB are refused long before.
    file.extend((data.len() as u32).to_be_bytes());
    let start = file.len();
    file.extend(kind);
    file.extend(data);
    let sum = crc32fast::hash(&file[start..]);
    file.extend(sum.to_be_bytes());
}

/// The most entries of a palette.
const MOST: usize = 256;

/// The most entries of a palette whose pixels take half a byte each.
const FEW: usize = 16;

/// How many pixels in the middle of their own colour make it one of an area.
const AREA: usize = 60;

/// The part of an image that makes a colour one of many strokes, such as that of a grid.
const OFTEN: usize = 300;

/// The most levels of a channel by which a blend may give way to a colour that has an entry.
const NEAR: u8 = 28;

/// As [`NEAR`], in an image that half a byte a pixel may be enough for.
const NEAR_IN_FEW: u8 = 40;

/// The most levels of a channel by which a pixel of such an image may differ from its entry: a shade of an edge.
const FAR: u8 = 64;

/// The part of such an image that may differ by more: single pixels where strokes of two colours meet.
const SELDOM: usize = 2000;

/// The entries that a palette of few keeps for blends: with less smoothed text would be ragged.
const BLENDS: usize = 3;

/// The palette and the entry of every colour in the image.
///
/// # Method
/// Colours of areas, and those of a three-hundredth of the image, have entries of their own, up to 256, the largest first.
/// Blends at edges, of which smoothed text and thin strokes make hundreds, get one where none is near, the more frequent
/// first; the others take the nearest entry. A few shades of an edge are enough for the eye, and repeat more often in the
/// stream. Where few colours have areas and sixteen entries come near nearly all blends, half a byte a pixel tells them apart.
fn palette(pixels: &[u8], width: usize) -> (Vec<Rgb>, BTreeMap<Rgb, u8>) {
    let counts = counts(pixels, width);
    let many = pixels.len() / 3 / OFTEN;
    let (mut own, mut blends): (Vec<_>, Vec<_>) = counts
        .iter()
        .map(|(colour, count)| (*colour, *count))
        .partition(|(_, count)| count.inner >= AREA || count.all > many);
    for part in [&mut own, &mut blends] {
        part.sort_by_key(|(_, count)| std::cmp::Reverse(count.all));
    }
    let few = filled(&own, &blends, FEW, NEAR_IN_FEW);
    let apart = |blend: &Rgb| !few.iter().any(|entry| near(*entry, *blend, FAR));
    let far: usize = blends
        .iter()
        .filter(|(blend, _)| apart(blend))
        .map(|(_, count)| count.all)
        .sum();
    let enough = own.len() + BLENDS <= FEW && far * SELDOM <= pixels.len() / 3;
    let entries = if enough { few } else { filled(&own, &blends, MOST, NEAR) };
    let index = counts
        .keys()
        .map(|colour| (*colour, nearest(&entries, *colour)))
        .collect();
    (entries, index)
}

/// Colours with entries of their own, and blends to which none of them is near.
fn filled(own: &[(Rgb, Count)], blends: &[(Rgb, Count)], most: usize, within: u8) -> Vec<Rgb> {
    let mut entries: Vec<Rgb> = own.iter().map(|(colour, _)| *colour).take(most).collect();
    for (blend, _) in blends {
        if entries.len() < most && !entries.iter().any(|entry| near(*entry, *blend, within)) {
            entries.push(*blend);
        }
    }
    entries
}

/// Whether no channel of two colours differs by so many levels.
fn near(a: Rgb, b: Rgb, within: u8) -> bool {
    a.iter().zip(b).all(|(a, b)| a.abs_diff(b) < within)
}

/// How many pixels a colour has, and how many of them lie between four of the same colour.
#[derive(Debug, Default, Clone, Copy)]
struct Count {
    all: usize,
    inner: usize,
}

fn counts(pixels: &[u8], width: usize) -> BTreeMap<Rgb, Count> {
    let (pixels, _) = pixels.as_chunks::<3>();
    let mut counts: BTreeMap<Rgb, Count> = BTreeMap::new();
    for (place, colour) in pixels.iter().enumerate() {
        let around = [
            place.checked_sub(width),
            place.checked_sub(1),
            Some(place + 1),
            Some(place + width),
        ];
        let same = |at: Option<usize>| at.and_then(|at| pixels.get(at)) == Some(colour);
        let count = counts.entry(*colour).or_default();
        count.all += 1;
        count.inner += usize::from(around.into_iter().all(same));
    }
    counts
}

fn nearest(entries: &[Rgb], colour: Rgb) -> u8 {
    let distance = |e: &Rgb| -> u32 { e.iter().zip(colour).map(|(a, b)| u32::from(a.abs_diff(b)).pow(2)).sum() };
    let best = entries
        .iter()
        .enumerate()
        .min_by_key(|(_, e)| distance(e))
        .map_or(0, |(i, _)| i);
    best as u8 // at most 256 entries
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a file back with the png crate, as RGB.
    fn decode(file: &[u8]) -> (u32, u32, Vec<u8>) {
        let mut decoder = png::Decoder::new(file);
        decoder.set_transformations(png::Transformations::EXPAND);
        let mut reader = decoder.read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size()];
        let info = reader.next_frame(&mut pixels).unwrap();
        pixels.truncate(info.buffer_size());
        (info.width, info.height, pixels)
    }

    /// An image of 64 × 64 pixels, white where nothing else is said.
    fn image(colour: impl Fn(usize, usize) -> Rgb) -> Vec<u8> {
        (0..64 * 64).flat_map(|place| colour(place % 64, place / 64)).collect()
    }

    #[test]
    fn colours_of_areas_come_back_exactly_however_near_they_are() {
        // Stripes of eight rows, each a level brighter than the one above.
        let pixels = image(|_, y| [100, 100, 100 + (y / 8) as u8]);
        assert_eq!(decode(&encode(&pixels, 64, 64, 5669)), (64, 64, pixels));
    }

    /// How many pixels come back by so many levels from what they were, or more.
    fn off_by(levels: u8, pixels: &[u8], height: u32) -> usize {
        let (_, _, back) = decode(&encode(pixels, 64, height, 5669));
        let (now, before) = (back.as_chunks::<3>().0, pixels.as_chunks::<3>().0);
        now.iter().zip(before).filter(|(a, b)| !near(**a, **b, levels)).count()
    }

    #[test]
    fn blends_of_single_pixels_come_back_within_the_levels_of_an_entry() {
        let wide = image(|x, y| match y {
            0..16 => [(x * 4) as u8, (y * 16) as u8, 100],
            _ => [255; 3],
        });
        let stripes = image(|_, y| [0, 0, (y / 4 * 16) as u8]);
        // Few areas and shades of one edge: half a byte a pixel, and shades may be farther.
        let few = image(|x, y| if y < 8 { [(x * 4) as u8; 3] } else { [255; 3] });
        assert_eq!(encode(&few, 64, 64, 5669)[24], 4);
        assert!(off_by(1, &few, 64) > 0 && off_by(NEAR_IN_FEW, &few, 64) == 0);
        // Few areas and blends of many colours: sixteen entries do not come near.
        assert_eq!(
            encode(&[wide.clone(), image(|_, _| [255; 3])].concat(), 64, 128, 5669)[24],
            8
        );
        let many = [wide, stripes].concat();
        assert!(off_by(1, &many, 128) > 0 && off_by(NEAR, &many, 128) == 0);
        let (entries, _) = palette(&many, 64);
        assert!(
            (FEW..200).contains(&entries.len()),
            "{} entries for 1041 colours",
            entries.len()
        );
    }

    #[test]
    fn areas_come_back_exactly_from_half_a_byte_a_pixel() {
        let pixels = image(|x, _| if x < 32 { [255; 3] } else { [0, 114, 178] });
        let file = encode(&pixels, 64, 64, 5669);
        assert_eq!((file[24], decode(&file)), (4, (64, 64, pixels)));
        let odd = [[255; 3], [0; 3], [9; 3]].concat();
        assert_eq!(decode(&encode(&odd, 3, 1, 5669)), (3, 1, odd));
    }

    #[test]
    fn more_areas_than_entries_keep_the_largest() {
        // 300 stripes of four rows of three channels' levels; the first hundred are twice as high.
        let width = 32;
        let rows = (0..300usize).flat_map(|k| vec![k; if k < 100 { 8 } else { 4 }]);
        let pixels: Vec<u8> = rows
            .flat_map(|k| [(k % 16 * 16) as u8, (k / 16 * 13) as u8, 7].repeat(width))
            .collect();
        let (entries, index) = palette(&pixels, width);
        assert_eq!(entries.len(), MOST);
        for k in 0..100usize {
            let colour = [(k % 16 * 16) as u8, (k / 16 * 13) as u8, 7];
            assert_eq!(entries[usize::from(index[&colour])], colour);
        }
    }
}
