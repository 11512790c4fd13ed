//! What a shell runs, we have seen, or have said that we do not know. Texts with a removal in them are run for real, in a folder that
//! they cannot leave, without any program: `rm` is a function that says its words.
#![expect(clippy::disallowed_methods, reason = "the test asks the real shell")]

mod folders;
mod shells;
mod variables;
mod words;
