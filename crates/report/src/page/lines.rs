//! JSON that a person can compare line by line, without a line for every number.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// Writes JSON whose arrays and objects have a line for each value down to a depth, and none below it.
pub(super) fn json_in_lines(value: &impl Serialize, depth: usize) -> serde_json::Result<String> {
    let mut text = Vec::new();
    let lines = Lines {
        most: depth,
        depth: 0,
        filled: false,
    };
    value.serialize(&mut Serializer::with_formatter(&mut text, lines))?;
    text.push(b'\n');
    Ok(String::from_utf8_lossy(&text).into_owned())
}

struct Lines {
    most: usize,
    depth: usize,
    /// Whether what is closed next holds anything.
    filled: bool,
}

impl Lines {
    fn open<W: ?Sized + Write>(&mut self, to: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth += 1;
        self.filled = false;
        to.write_all(bracket)
    }

    fn close<W: ?Sized + Write>(&mut self, to: &mut W, bracket: &[u8]) -> io::Result<()> {
        let own_line = self.filled && self.depth <= self.most;
        self.depth -= 1;
        if own_line {
            self.new_line(to)?;
        }
        to.write_all(bracket)
    }

    fn next<W: ?Sized + Write>(&self, to: &mut W, first: bool) -> io::Result<()> {
        if !first {
            to.write_all(b",")?;
        }
        if self.depth <= self.most {
            self.new_line(to)?;
        }
        Ok(())
    }

    fn new_line<W: ?Sized + Write>(&self, to: &mut W) -> io::Result<()> {
        write!(to, "\n{:1$}", "", 2 * self.depth)
    }
}

impl Formatter for Lines {
    fn begin_array<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.open(to, b"[")
    }

    fn end_array<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.close(to, b"]")
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, to: &mut W, first: bool) -> io::Result<()> {
        self.next(to, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.filled = true;
        Ok(())
    }

    fn begin_object<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.open(to, b"{")
    }

    fn end_object<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.close(to, b"}")
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, to: &mut W, first: bool) -> io::Result<()> {
        self.next(to, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        to.write_all(b": ")
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.filled = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn fields_have_lines_and_numbers_below_them_do_not() {
        let value = json!({"a": {"b": [1, 2.5, null]}, "c": [], "d": {}, "e": "x"});
        let text = json_in_lines(&value, 2).unwrap();
        let wanted = "{\n  \"a\": {\n    \"b\": [1,2.5,null]\n  },\n  \"c\": [],\n  \"d\": {},\n  \"e\": \"x\"\n}\n";
        assert_eq!(text, wanted);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        assert_eq!(
            json_in_lines(&value, 9).unwrap(),
            serde_json::to_string_pretty(&value).unwrap() + "\n"
        );
    }
}
