//! The tables of functions.

use crate::code::{python, script};

#[test]
fn tables_are_sorted_and_name_everything_once() {
    for api in script::tables().into_iter().chain([python::table()]) {
        let keys: Vec<&str> = api.keys().collect();
        assert!(keys.len() > 50);
        for pair in keys.windows(2) {
            assert!(pair[0] < pair[1], "{} and {} are not in order", pair[0], pair[1]);
        }
        for key in keys {
            assert!(api.exact(key).is_some(), "{key} is not found");
        }
        assert!(api.exact("no_such_function").is_none());
        assert!(api.exact("").is_none());
    }
}
