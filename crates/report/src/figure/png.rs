//! Small PNG files: a palette of at most 256 colours and a pinned compressor.
//!
//! Charts have few colours, and a palette takes a third of the space of RGB. The stream is made with
//! miniz_oxide directly: other encoders use the zlib that the rest of a build happens to select, and
//! then the same figure would have other bytes in another build.

use std::collections::BTreeMap;

const SIGNATURE: [u8; 8] = [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n'];

type Rgb = [u8; 3];

/// Encodes an RGB image.
///
/// # Shapes
/// `pixels` holds `width * height` triples by row.
pub(crate) fn encode(pixels: &[u8], width: u32, height: u32, dots_per_metre: u32) -> Vec<u8> {
    let (palette, index) = palette(pixels);
    let row_bytes = width as usize * 3;
    let mut rows = Vec::with_capacity((width as usize + 1) * height as usize);
    for row in pixels.chunks_exact(row_bytes) {
        rows.push(0); // filter type 0: palette indices have no gradients to predict
        rows.extend(row.chunks_exact(3).map(|p| index[&[p[0], p[1], p[2]]]));
    }
    let mut header = Vec::with_capacity(13);
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    header.extend([8, 3, 0, 0, 0]); // 8 bits, palette, deflate, adaptive filters, no interlacing
    let mut density = Vec::with_capacity(9);
    density.extend(dots_per_metre.to_be_bytes());
    density.extend(dots_per_metre.to_be_bytes());
    density.push(1); // unit: metre
    let mut file = SIGNATURE.to_vec();
    chunk(&mut file, b"IHDR", &header);
    chunk(&mut file, b"pHYs", &density);
    chunk(&mut file, b"PLTE", palette.as_flattened());
    let stream = miniz_oxide::deflate::compress_to_vec_zlib(&rows, 9);
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

/// The palette and the entry of every colour in the image.
///
/// # Method
/// With at most 256 colours the palette is exact. Otherwise colours are grouped into cells of
/// 8 × 8 × 8 levels; the most frequent colour of each of the 256 most frequent cells becomes an
/// entry, and the remaining colours, all blends at edges, take the nearest entry.
fn palette(pixels: &[u8]) -> (Vec<Rgb>, BTreeMap<Rgb, u8>) {
    let mut counts: BTreeMap<Rgb, usize> = BTreeMap::new();
    for p in pixels.chunks_exact(3) {
        *counts.entry([p[0], p[1], p[2]]).or_default() += 1;
    }
    let entries: Vec<Rgb> = if counts.len() <= 256 {
        counts.keys().copied().collect()
    } else {
        most_frequent(&counts)
    };
    let index = counts
        .keys()
        .map(|colour| (*colour, nearest(&entries, *colour)))
        .collect();
    (entries, index)
}

fn most_frequent(counts: &BTreeMap<Rgb, usize>) -> Vec<Rgb> {
    // Cell → (pixels in the cell, pixels of its most frequent colour, that colour).
    let mut cells: BTreeMap<Rgb, (usize, usize, Rgb)> = BTreeMap::new();
    for (colour, count) in counts {
        let cell = cells.entry(colour.map(|c| c / 8)).or_insert((0, 0, *colour));
        cell.0 += count;
        if *count > cell.1 {
            (cell.1, cell.2) = (*count, *colour);
        }
    }
    let mut ranked: Vec<_> = cells.into_values().collect();
    ranked.sort_by(|a, b| b.0.cmp(&a.0).then(a.2.cmp(&b.2)));
    ranked.truncate(256);
    ranked.into_iter().map(|(_, _, colour)| colour).collect()
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

    #[test]
    fn few_colours_come_back_exactly() {
        let pixels: Vec<u8> = (0..12u8 * 7).flat_map(|i| [i % 5, 200 - i % 3, 255]).collect();
        assert_eq!(decode(&encode(&pixels, 12, 7, 5669)), (12, 7, pixels));
    }

    #[test]
    fn many_colours_come_back_nearly_and_frequent_ones_exactly() {
        let mut pixels = vec![255u8; 3 * 64 * 64];
        for (i, p) in pixels.chunks_exact_mut(3).enumerate().take(1024) {
            p.copy_from_slice(&[(i % 32 * 8) as u8, (i / 32 * 8) as u8, 100]);
        }
        let (_, _, back) = decode(&encode(&pixels, 64, 64, 5669));
        assert_eq!(back[3 * 2000..], pixels[3 * 2000..]);
        // 1024 cells of one pixel each: the first 255 in colour order (red below 64) have entries of
        // their own and come back exactly; blue is the same everywhere.
        assert_eq!(back[..3 * 8], pixels[..3 * 8]);
        assert!(back.chunks_exact(3).all(|p| p[2] == 100 || p[2] == 255));
    }
}
