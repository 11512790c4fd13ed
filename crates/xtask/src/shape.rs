//! The lengths of files and functions. Relies on `rustfmt`: a function ends at the line that closes
//! its own indentation.

/// The lines of each function in a formatted source file, its signature and closing brace included.
/// Declarations without a body do not count.
pub(crate) fn function_lengths(source: &str) -> Vec<usize> {
    let lines: Vec<&str> = source.lines().collect();
    let starts = lines.iter().enumerate().filter(|(_, line)| is_function(line.trim_start()));
    starts.filter_map(|(start, _)| length(lines.get(start..)?)).collect()
}

/// The length of the function that begins with the first of these lines.
fn length(lines: &[&str]) -> Option<usize> {
    let first = lines.first()?;
    let indent = first.len() - first.trim_start().len();
    let closing = format!("{}}}", " ".repeat(indent));
    let signature_end = lines.iter().position(|line| line.ends_with(['{', '}', ';']))?;
    match lines.get(signature_end)? {
        line if line.ends_with(';') => None,
        line if line.ends_with('}') => Some(signature_end + 1),
        _ => lines.iter().position(|line| *line == closing).map(|end| end + 1),
    }
}

fn is_function(text: &str) -> bool {
    let mut words = text.split_whitespace().filter(|word| !word.starts_with("pub"));
    words.by_ref().find(|word| !["const", "async", "unsafe", "extern"].contains(word)) == Some("fn")
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
        let source = "fn a() {}\n\npub(crate) fn b(\n    x: u8,\n) -> u8 {\n    x\n}\n\nimpl T {\n    fn c() {\n        d();\n        e();\n    }\n\n    fn f();\n}\n";
        assert_eq!(function_lengths(source), [1, 5, 4]);
        assert_eq!(percentile(&[1, 2, 3, 4], 50), 2);
    }
}
