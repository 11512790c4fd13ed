use super::*;
use proptest::prelude::*;

#[track_caller]
fn found(text: &str) -> Vec<(Kind, &str)> {
    find(text).into_iter().map(|span| (span.kind, &text[span.start..span.end])).collect()
}

proptest! {
    #[test]
    fn spans_are_ordered_and_in_the_text(text in r"([0-9]{1,5}|[ .()+x/-]|@|::|GB|[a-z]{1,4}\.|\PC){0,30}") {
        let mut end = 0;
        for span in find(&text) {
            prop_assert!(span.start >= end && span.end > span.start && text.get(span.start..span.end).is_some());
            end = span.end;
        }
    }
}
