//! Draws the graph with its channel groups as SVG.

use std::fmt::Write as _;

use crate::graph::Network;
use crate::graph::{Node, NodeId};
use crate::groups::GroupId;
use crate::kernels::Element;

const BOX: [usize; 2] = [190, 46];
const GAP: [usize; 2] = [28, 34];
const MARGIN: usize = 20;
/// Okabe and Ito's colours, distinguishable with any colour vision; they repeat for many groups.
const COLOURS: [&str; 7] = [
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#999933",
];

impl<E: Element> Network<E> {
    /// The graph as an SVG document: one box per layer with a bar per channel group, as wide as the group's share,
    /// and a legend that says which groups are frozen and why.
    #[must_use]
    pub fn draw(&self) -> String {
        let places = self.places();
        let columns = places.iter().map(|(_, column)| column + 1).max().unwrap_or(1);
        let rows = places.iter().map(|(row, _)| row + 1).max().unwrap_or(1);
        let width = (2 * MARGIN + columns * (BOX[0] + GAP[0])).max(520);
        let graph = MARGIN + rows * (BOX[1] + GAP[1]);
        let height = graph + MARGIN + 20 * (self.groups.len() + 1);
        let mut svg = String::new();
        let _ = writeln!(
            svg,
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" font-family="DejaVu Sans, Verdana, sans-serif" font-size="12">"#
        );
        let _ = writeln!(svg, r##"<rect width="{width}" height="{height}" fill="#ffffff"/>"##);
        for &id in &self.order {
            for input in &self.node(id).inputs {
                draw_edge(&mut svg, corner(places[input.index()]), corner(places[id.index()]));
            }
        }
        for &id in &self.order {
            self.draw_box(&mut svg, id, corner(places[id.index()]));
        }
        self.draw_legend(&mut svg, graph + MARGIN);
        svg.push_str("</svg>\n");
        svg
    }

    /// Row and column of each node: below all of its inputs, beside the others of its row.
    fn places(&self) -> Vec<(usize, usize)> {
        let mut rows = vec![0; self.nodes.len()];
        let mut taken: Vec<usize> = Vec::new();
        let mut places = vec![(0, 0); self.nodes.len()];
        for &id in &self.order {
            let below = self.node(id).inputs.iter().map(|i| rows[i.index()] + 1);
            let row = below.max().unwrap_or(0);
            rows[id.index()] = row;
            taken.resize(taken.len().max(row + 1), 0);
            places[id.index()] = (row, taken[row]);
            taken[row] += 1;
        }
        places
    }

    fn draw_box(&self, svg: &mut String, id: NodeId, [x, y]: [usize; 2]) {
        let node = self.node(id);
        let [w, h] = BOX;
        let _ = writeln!(
            svg,
            r##"<rect x="{x}" y="{y}" width="{w}" height="{h}" rx="4" fill="#fafafa" stroke="#444444"/>"##
        );
        let _ = writeln!(
            svg,
            r#"<text x="{}" y="{}">{}</text>"#,
            x + 8,
            y + 16,
            escaped(&shortened(&node.name, 26))
        );
        let _ = writeln!(
            svg,
            r##"<text x="{}" y="{}" font-size="10" fill="#555555">{}</text>"##,
            x + 8,
            y + 30,
            escaped(&self.describe(node))
        );
        self.draw_groups(svg, node, [x, y + h - 9]);
    }

    fn describe(&self, node: &Node) -> String {
        let width = self.space_width(&node.space);
        match node.map {
            [1, 1] => format!("{} · {width}", node.layer.kind()),
            [h, w] => format!("{} · {h}×{w}×{width}", node.layer.kind()),
        }
    }

    fn draw_groups(&self, svg: &mut String, node: &Node, [x, y]: [usize; 2]) {
        let total = self.space_width(&node.space).max(1);
        let full = BOX[0] - 16;
        // A flatten lists its groups once per position; once each is enough to see which they are.
        let mut shown: Vec<(GroupId, usize)> = Vec::new();
        for &group in &node.space {
            match shown.iter_mut().find(|(g, _)| *g == group) {
                Some((_, width)) => *width += self.group(group).width(),
                None => shown.push((group, self.group(group).width())),
            }
        }
        let mut left = x + 8;
        for (group, width) in shown {
            let bar = (full * width / total).max(2);
            let _ = writeln!(
                svg,
                r#"<rect x="{left}" y="{y}" width="{bar}" height="5" fill="{}"/>"#,
                colour(group)
            );
            left += bar;
        }
    }

    fn draw_legend(&self, svg: &mut String, top: usize) {
        for (index, group) in self.groups.iter().enumerate() {
            let y = top + 20 * index;
            let state = group
                .frozen
                .as_ref()
                .map_or(String::new(), |reason| format!(", frozen: {reason}"));
            let text = format!("{} · {} units{state}", group.name, group.units.len());
            let fill = colour(GroupId(index as u32));
            let _ = writeln!(
                svg,
                r#"<rect x="{MARGIN}" y="{y}" width="14" height="10" fill="{fill}"/>"#
            );
            let _ = writeln!(
                svg,
                r#"<text x="{}" y="{}" font-size="11">{}</text>"#,
                MARGIN + 22,
                y + 10,
                escaped(&text)
            );
        }
    }
}

fn colour(group: GroupId) -> &'static str {
    COLOURS[group.index() % COLOURS.len()]
}

fn corner((row, column): (usize, usize)) -> [usize; 2] {
    [MARGIN + column * (BOX[0] + GAP[0]), MARGIN + row * (BOX[1] + GAP[1])]
}

fn draw_edge(svg: &mut String, from: [usize; 2], to: [usize; 2]) {
    let (x0, y0) = (from[0] + BOX[0] / 2, from[1] + BOX[1]);
    let (x1, y1) = (to[0] + BOX[0] / 2, to[1]);
    let middle = y0.midpoint(y1);
    let path = if y1 <= y0 + GAP[1] {
        format!("M{x0} {y0} C{x0} {middle} {x1} {middle} {x1} {y1}")
    } else {
        // An edge that passes other rows runs down beside the boxes: bowed out where both ends stand in one column,
        // else in the column further right, which is the emptier one.
        let x = if x0 == x1 {
            x0 + BOX[0] / 2 + GAP[0] / 2 + 4
        } else {
            x0.max(x1)
        };
        let (top, bottom) = (y0 + GAP[1], y1 - GAP[1]);
        format!("M{x0} {y0} C{x} {y0} {x} {y0} {x} {top} L{x} {bottom} C{x} {y1} {x} {y1} {x1} {y1}")
    };
    let _ = writeln!(svg, r##"<path d="{path}" fill="none" stroke="#777777"/>"##);
}

fn shortened(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    text.chars().take(longest - 1).chain(['…']).collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use crate::graph::models;
    use espalier_seed::Seed;

    #[test]
    fn the_drawing_names_every_layer_and_every_group() {
        let network = models::concat_net::<f32>(5, [3, 4], 6, 2, &Seed::new(1)).unwrap();
        let svg = network.draw();
        for node in network.nodes() {
            assert!(svg.contains(&format!(">{}</text>", node.name())), "{}", node.name());
        }
        for group in network.groups() {
            assert!(svg.contains(&format!("{} · {} units", group.name(), group.width())));
        }
        assert!(svg.contains("frozen: it is the output head `logits`"));
    }
}
