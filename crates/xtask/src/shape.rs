//! The lengths of files and functions. Relies on `rustfmt`: a function ends at the line that closes
//! its own indentation.

/// The lines of each function in a formatted source file, its signature and closing brace included.
pub(crate) fn function_lengths(source: &str) -> Vec<usize> {
    let lines: Vec<&str> = source.lines().collect();
    let mut lengths = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let text = line.trim_start();
        if !is_function(text) {
            continue;
        }
        let indent = line.len() - text.len();
        let closing = format!("{}}}", " ".repeat(indent));
        let end = lines
            .iter()
            .skip(start)
            .position(|line| *line == closing || line.ends_with(';') || one_line(line));
        lengths.extend(end.map(|end| end + 1));
    }
    lengths
}

fn is_function(text: &str) -> bool {
    let mut words = text.split_whitespace().filter(|word| !word.starts_with("pub"));
    words.by_ref().find(|word| !["const", "async", "unsafe", "extern"].contains(word)) == Some("fn")
}

fn one_line(line: &str) -> bool {
    is_function(line.trim_start()) && line.ends_with('}')
}

/// The value below which `percent` of the sorted values lie.
pub(crate) fn percentile(sorted: &[usize], percent: usize) -> usize {
    let last = sorted.len().saturating_sub(1);
    sorted.get(last * percent / 100).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths() {
        let source = "fn a() {}\n\npub(crate) fn b(\n    x: u8,\n) -> u8 {\n    x\n}\n\nimpl T {\n    fn c() {\n        d();\n    }\n}\n";
        assert_eq!(function_lengths(source), [1, 5, 2]);
        assert_eq!(percentile(&[1, 2, 3, 4], 50), 2);
    }
}
