//! What other shells read otherwise than bash. `sh` is often such a shell, and it is the one that `system` of most
//! languages asks.

/// Whether a shell without bash's own forms would find other commands in `text`. For it `$'` is a dollar and a quote, in which a
/// backslash quotes nothing; no comment follows `<&-`; `[[` is the name of a program, `((` two subshells, and `&>` ends a
/// command and begins one.
pub(super) fn differs(text: &str) -> bool {
    let quoted = text.split_once("$'").is_some_and(|(_, rest)| rest.contains("\\'"));
    quoted
        || tests_with_operators(text)
        || ends_at_redirection(text)
        || text.contains("&-#")
        || text.replace("$((", "").contains("((")
}

/// Whether there are words behind the file of an `&>`.
fn ends_at_redirection(text: &str) -> bool {
    const ENDS: [char; 6] = ['\n', ';', '&', '|', ')', '#'];
    let goes_on = |rest: &str| {
        let rest = rest.trim_start_matches('>').trim_start_matches([' ', '\t']);
        let end = rest.find(|c: char| c.is_whitespace() || ENDS.contains(&c)).unwrap_or(rest.len());
        let (file, behind) = rest.split_at(end);
        let behind = behind.trim_start_matches([' ', '\t']);
        file.contains(['\\', '\'', '"', '`']) || !(behind.is_empty() || behind.starts_with(ENDS))
    };
    text.split("&>").skip(1).any(goes_on)
}

/// Whether there are operators or ends of lines in a `[[ … ]]`.
fn tests_with_operators(text: &str) -> bool {
    let inner = |rest: &str| {
        rest.split("]]").next().unwrap_or_default().contains(['|', '&', ';', '<', '>', '(', '\n'])
    };
    text.split("[[").skip(1).any(inner)
}

#[cfg(test)]
mod tests {
    use super::differs;

    #[test]
    fn forms_of_bash_alone() {
        for text in [
            "echo $'\\'; rm -rf /etc #'",
            "[[ x || reboot ]]",
            "[[ x > /etc/passwd ]]",
            "[[\nreboot\n]]",
            "if [[ $x =~ a|reboot ]]; then :; fi",
            "((a || reboot))",
            "echo &>a rm -rf /etc",
            "echo |<&-#; rm -rf /etc #",
            "echo &>> \\; rm -rf /etc",
        ] {
            assert!(differs(text), "{text}");
        }
        for text in [
            "make &> log; cat log",
            "make &>/dev/null & wait",
            "echo $'a\\n'",
            "[[ -f a ]] && cat a",
            "echo $((1 + 2)) [a]",
            "echo it\\'s",
            "(cd a; (ls))",
        ] {
            assert!(!differs(text), "{text}");
        }
    }
}
