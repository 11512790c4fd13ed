//! What a terminal makes of it: `vt100` reads the sequences by itself.

use super::*;
use std::num::NonZero;

const TEXT: &str = "stayhand: 3 s, 2 programs";

fn lines(count: u16) -> NonZero<u16> {
    NonZero::new(count).unwrap()
}

/// A person's terminal of ten lines.
struct Screen {
    terminal: vt100::Parser,
    line: StatusLine,
}

impl Screen {
    /// One on which `before` was said before the program started.
    fn with(before: &str) -> Self {
        let mut terminal = vt100::Parser::new(lines(10), lines(40), 100);
        terminal.process(before.as_bytes());
        let (line, begin) = StatusLine::begin(10, 40).unwrap();
        terminal.process(begin.as_bytes());
        Self { terminal, line }
    }

    /// The program says something, in pieces of this size, and how it stands is shown.
    fn says(&mut self, said: &str, piece: usize) -> &mut Self {
        for piece in said.as_bytes().chunks(piece) {
            let passed = self.line.pass(piece);
            self.terminal.process(&passed);
            if let Some(shown) = self.line.show(TEXT) {
                self.terminal.process(shown.as_bytes());
            }
        }
        self
    }

    fn rows(&self) -> Vec<String> {
        self.terminal.screen().rows(0, 40).map(|row| row.trim_end().to_owned()).collect()
    }

    #[track_caller]
    fn is(&self, above: &[&str]) {
        let rows = self.rows();
        assert_eq!(rows.last().map(String::as_str), Some(TEXT), "{rows:?}");
        let mut expected: Vec<&str> = above.to_vec();
        expected.resize(9, "");
        assert_eq!(rows[..9], expected, "{rows:?}");
    }
}

fn numbered(numbers: std::ops::Range<u32>) -> String {
    numbers.map(|number| format!("\r\nline {number}")).collect()
}

#[test]
fn it_stays_at_the_foot_while_lines_move() {
    for piece in [1, 2, 3, 7, 1000] {
        for before in ["$ stayhand run\r\n".to_owned(), numbered(0..30) + "\r\n"] {
            let mut screen = Screen::with(&before);
            screen.says(&numbered(0..20), piece);
            screen.is(&[
                "line 11", "line 12", "line 13", "line 14", "line 15", "line 16", "line 17", "line 18",
                "line 19",
            ]);
        }
    }
}

#[test]
fn the_cursor_is_where_the_program_left_it() {
    let mut screen = Screen::with("\x1b[2J\x1b[H");
    screen.says("one\r\ntwo \x1b[31m", 1).says("three", 1);
    screen.is(&["one", "two three"]);
    assert_eq!(screen.terminal.screen().cursor_position(), (1, 9));
    assert_eq!(screen.terminal.screen().cell(1, 4).unwrap().fgcolor(), vt100::Color::Idx(1));
}

/// Each of these takes the lines that move back, or goes where they do not reach.
#[test]
fn what_would_reach_further_is_put_right() {
    for said in [
        "\x1b[r",
        "\x1b[1;10r",
        "\x1b[;r",
        "\x1b[0;0r",
        "\x1b[1;99999999r",
        "\x1b[!p",
        "\x1bc",
        "\x1b[2;5r\x1b[r",
        "\x1b[?1049h",
        "\x1b[?1049h\x1b[?1049l",
        "\x1b[?1049;25h",
    ] {
        for piece in [1, 1000] {
            let mut screen = Screen::with("");
            screen.says(&format!("{said}\x1b[2J\x1b[1;1H{}", numbered(0..20)), piece);
            screen.is(&[
                "line 11", "line 12", "line 13", "line 14", "line 15", "line 16", "line 17", "line 18",
                "line 19",
            ]);
        }
    }
    for (said, row) in [
        ("\x1b[10;1Hx", 8),
        ("\x1b[999;999H\rx", 8),
        ("\x1b[10fx", 8),
        ("\x1b[10dx", 8),
        ("\x1b[99Bx", 8),
        ("\x1b[3;1Hx", 2),
        ("\x1b[Hx", 0),
        ("\x1b[4d\rx", 3),
    ] {
        let mut screen = Screen::with("\x1b[2J\x1b[H");
        screen.says(said, 1);
        let mut rows = vec![""; 9];
        rows[row] = "x";
        screen.is(&rows);
    }
}

/// `vt100` lets the lines that move as they are here; other terminals do not.
#[test]
fn a_soft_reset_is_followed_by_what_it_resets() {
    let (mut line, _) = StatusLine::begin(10, 40).unwrap();
    assert_eq!(String::from_utf8(line.pass(b"\x1b[!p")).unwrap(), "\x1b[!p\x1b7\x1b[1;9r\x1b8");
}

/// After a question the lines move that the program had let move, and after a reset all of its own.
#[test]
fn the_lines_that_move_are_remembered() {
    let (mut line, _) = StatusLine::begin(10, 40).unwrap();
    let back = |line: &mut StatusLine, said: &str| {
        line.pass(said.as_bytes());
        line.back()
    };
    assert!(back(&mut line, "\x1b[2;5r").contains("\x1b[2;5r"));
    assert!(back(&mut line, "\x1b[!p").contains("\x1b[1;9r"));
    assert!(back(&mut line, "\x1b[3;10r").contains("\x1b[3;9r"));
    assert!(back(&mut line, "\x1b[r").contains("\x1b[1;9r"));
    // A text for the terminal that an escape breaks off hides nothing.
    assert_eq!(String::from_utf8(line.pass(b"\x1b]0;x\x1b[99;1H")).unwrap(), "\x1b]0;x\x1b[9;1H");
}

#[test]
fn everything_else_passes_as_it_is() {
    for said in [
        "\x1b[38;2;1;2;3mcolour\x1b[0m",
        "\x1b]0;a [1;99r title\x07",
        "\x1b]8;;http://a.test/\x1b\\link\x1b]8;;\x1b\\",
        "\x1b[?25l\x1b[?2004h\x1b[>4;2m\x1b[<u",
        "\x1bP$q\"p[99r\x1b\\",
        "\x1b[1;5A\x1b[K\x1b[2J",
        "\x1b[6n",
        "grüße €",
        "\x1b[?1r",
        "\x1b(0qqq\x1b(B",
        "\x1b\x1b[A",
    ] {
        for piece in [1, 2, 1000] {
            let (mut line, _) = StatusLine::begin(10, 40).unwrap();
            let passed: Vec<u8> = said.as_bytes().chunks(piece).flat_map(|piece| line.pass(piece)).collect();
            assert_eq!(String::from_utf8_lossy(&passed), said);
            assert!(line.reading == Reading::Text && !line.is_mid_letter, "{said:?}");
        }
    }
}

#[test]
fn it_is_shown_where_nothing_is_lost_by_it() {
    let shown = |said: &[u8]| {
        let (mut line, _) = StatusLine::begin(10, 40).unwrap();
        line.pass(said);
        line.show(TEXT).is_some()
    };
    let whole = "\u{fc}\u{4e2d}";
    for said in ["", "text", "\x1b[0m", "\x1b7\x1bc", "\x1b[s\x1b[!p", whole] {
        assert!(shown(said.as_bytes()), "{said:?}");
    }
    // In a sequence; where the program may come back to a position, more than once.
    for said in ["\x1b", "\x1b[3", "\x1b]0;title", "\x1b7text", "\x1b[stext", "\x1b7text\x1b8", "\x1b[?1048h"]
    {
        assert!(!shown(said.as_bytes()), "{said:?}");
    }
    // In a letter, be there a part of another one before it.
    let two = "\u{4e2d}\u{4e2d}".as_bytes();
    assert!(!shown(&two[..1]) && !shown(&two[1..5]) && shown(&two[1..]));
    let long = ["\x1b[", &"0;".repeat(60), "1m"].concat();
    assert!(shown(long.as_bytes()) && (1..long.len()).all(|end| !shown(&long.as_bytes()[..end])));
    // Once, until it changes or may have been written over.
    let (mut line, _) = StatusLine::begin(10, 40).unwrap();
    assert!(line.show("a").is_some() && line.show("a").is_none() && line.show("b").is_some());
    line.pass(b"x");
    assert!(line.show("b").is_some());
}

#[test]
fn questions_and_other_sizes() {
    let mut screen = Screen::with("");
    screen.says(&numbered(0..20), 100);
    let lift = screen.line.lift();
    screen.terminal.process(lift.as_bytes());
    assert_eq!(screen.rows().last().map(String::as_str), Some(""));
    screen.terminal.process(b"\x1b[!p\r\nmay it? y\r\n");
    let back = screen.line.back();
    screen.terminal.process(back.as_bytes());
    screen.says("\r\nlast", 1);
    assert_eq!(screen.rows()[7..], ["", "last", TEXT]);
    // Larger, and smaller again.
    for (rows, columns) in [(14, 60), (8, 30), (10, 40)] {
        screen.terminal.screen_mut().set_size(lines(rows), lines(columns));
        let resized = screen.line.resized(rows, columns);
        screen.terminal.process(resized.as_bytes());
        screen.says(&format!("\x1b[2J\x1b[H{}", numbered(0..30)), 5);
        let shown: Vec<String> =
            screen.terminal.screen().rows(0, 40).map(|row| row.trim_end().to_owned()).collect();
        assert_eq!(shown.len(), usize::from(rows));
        assert_eq!(shown[shown.len() - 2..], ["line 29", TEXT]);
    }
    // One that is too small keeps all of its lines.
    assert!(StatusLine::begin(5, 40).is_none());
}
