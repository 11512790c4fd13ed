//! First light.
#![allow(clippy::all, warnings)]
mod common;
use common::*;

#[test]
fn it_runs() {
    let world = World::new();
    let run = world.bash("id; pwd; ls -la / . /dev /etc /proc; echo hi > made; cat /proc/self/status | grep -i cap; mount | head -40; ip a; whoami; touch /x; touch /usr/x; cat /proc/self/mountinfo | wc -l");
    println!("{}\n{}\n{:?} {:?} {:?}", run.output, run.errors, run.receipt, run.failure, run.ended);
    let probe = world.run(&[]);
    println!("{probe:?}");
    println!("{:?}", std::fs::metadata(world.work.join("made")));
}
