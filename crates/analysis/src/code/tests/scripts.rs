//! JavaScript, Perl, Ruby, PHP and Lua.

use super::table;

#[test]
fn javascript() {
    table(
        &["node", "-e"],
        &[
            ("console.log(1 + 1)", "node"),
            ("console.log(JSON.stringify(process.versions))", "node"),
            ("const a = [1, 2].map(x => x * 2); console.log(a.join(','))", "node"),
            ("console.log(`a${1 + 1}`)", "node"),
            ("console.log('a'.replace(/x(\")/g, 'b'))", "node"),
            ("const path = require('path'); console.log(path.join('a', 'b'))", "node"),
            ("for (let i = 0; i < 3; i++) { console.log(i / 2) }", "node"),
            ("function f(x) { return x * 2 } console.log(f(2))", "node"),
            (
                "const fs = require('fs'); console.log(fs.readFileSync('a.json', 'utf8'))",
                "node read /w/a.json",
            ),
            ("require('fs').unlinkSync('/etc/passwd')", "node delete /etc/passwd"),
            ("require('fs').rmSync('x', {recursive: true})", "node delete /w/x/**"),
            ("const {execSync} = require('child_process'); execSync('rm x')", "node; rm delete /w/x"),
            ("require('child_process').spawn('rm', ['x'])", "node; rm delete /w/x"),
            ("require('node:child_process').exec('rm ' + 'x')", "node; rm delete /w/x"),
            ("require('child_process').exec(process.argv[1])", "node ?"),
            ("console.log(`${require('child_process').execSync('rm x')}`)", "node; rm delete /w/x"),
            ("const r = require; r('fs')", "node ?"),
            ("eval('1')", "node ?"),
            ("[].constructor.constructor('x')()", "node ?"),
            ("[]['constr' + 'uctor']('x')", "node ?"),
            ("['x'].map(1 ? 0 || eval : 0)", "node ?"),
            ("console.log.constructor('x')()", "node ?"),
            ("const o = {eval: 1, require: 2}; console.log(o)", "node"),
            ("globalThis.process.exit()", "node ?"),
            ("import('fs')", "node ?"),
            ("fetch('https://example.org').then(r => r.text()).then(console.log)", "node GET example.org"),
            ("require(x)", "node ?"),
            ("// require('fs').unlinkSync('x')\nconsole.log(1)", "node"),
            ("foo()", "node ?"),
            ("(() => { console.log(1) })()", "node"),
            ("console.log(require('./package.json').version)", "node ?"),
        ],
    );
}

#[test]
fn perl() {
    table(
        &["perl", "-e"],
        &[
            ("print 1", "perl"),
            ("print \"a\\n\" for 1..3", "perl"),
            ("my $x = 'a'; $x =~ s/a/b/g; print $x", "perl"),
            ("print join(',', map { $_ * 2 } 1..3), \"\\n\"", "perl"),
            ("printf \"%d\\n\", time", "perl"),
            ("system('rm x')", "perl; rm delete /w/x"),
            ("system 'rm', 'x'", "perl; rm delete /w/x"),
            ("exec \"rm x\"", "perl; rm delete /w/x"),
            ("print `rm x`", "perl; rm delete /w/x"),
            ("print qx(rm x)", "perl; rm delete /w/x"),
            ("unlink 'x', 'y'", "perl delete /w/x delete /w/y"),
            ("$_ = 'rm x'; s/(.*)/system($1)/e", "perl ?"),
            ("s/x/system('rm x')/e", "perl; rm delete /w/x"),
            ("s/x/'rm x'/ee", "perl ?"),
            ("print \"@{[system('rm x')]}\"", "perl ?"),
            ("eval 'system(1)'", "perl ?"),
            ("&{'system'}('rm x')", "perl ?"),
            ("$f->('x')", "perl ?"),
            ("require 'x.pl'", "perl ?"),
            ("use Socket; socket(S, 1, 2, 3)", "perl ?"),
            ("kill 9, 1", "perl signal"),
            ("print q{system('rm x')}", "perl"),
            ("# system('rm x')\nprint 1", "perl"),
            ("CORE'system('rm x')", "perl ?"),
            ("frobnicate()", "perl ?"),
            ("open(my $f, '<', '/etc/passwd'); print <$f>", "perl read /etc/passwd"),
            ("open(F, '>out'); print F 1", "perl write /w/out"),
            ("open(F, 'rm x|')", "perl; rm delete /w/x"),
            ("open(F, $x)", "perl ?"),
        ],
    );
}

#[test]
fn perl_on_files() {
    use super::{argv, told};
    assert_eq!(told(&argv(&["perl", "-pe", "s/a/b/g", "f"])), "perl read /w/f");
    assert_eq!(told(&argv(&["perl", "-i", "-pe", "s/a/b/g", "f"])), "perl write /w/f");
    assert_eq!(told(&argv(&["perl", "-ne", "print if /x/", "f"])), "perl read /w/f");
    assert_eq!(told(&argv(&["perl", "-lane", "print $F[1]", "f"])), "perl read /w/f");
    assert_eq!(told(&argv(&["perl", "-ne", "print", "rm x|"])), "perl read /w/rm x|; rm delete /w/x");
}

#[test]
fn ruby() {
    table(
        &["ruby", "-e"],
        &[
            ("puts 1", "ruby"),
            ("puts [3, 1].sort.map { |x| x * 2 }.join(',')", "ruby"),
            ("puts \"a#{1 + 1}\"", "ruby"),
            ("system('rm x')", "ruby; rm delete /w/x"),
            ("system 'rm', 'x'", "ruby; rm delete /w/x"),
            ("puts `rm x`", "ruby; rm delete /w/x"),
            ("puts %x(rm x)", "ruby; rm delete /w/x"),
            ("puts \"#{`rm x`}\"", "ruby; rm delete /w/x"),
            ("exec '/bin/rm x'", "ruby; rm delete /w/x"),
            ("File.delete('x')", "ruby delete /w/x"),
            ("require 'fileutils'; FileUtils.rm_rf '/etc'", "ruby delete /etc/**"),
            ("puts File.read('a')", "ruby read /w/a"),
            ("File.write('/etc/x', 'y')", "ruby write /etc/x"),
            ("open('|rm x')", "ruby; rm delete /w/x"),
            ("Kernel.send(:system, 'rm x')", "ruby ?"),
            ("eval 'x'", "ruby ?"),
            ("x = 1; puts x", "ruby"),
            ("x = ?\"; system(\"rm x\"); y = ?\"", "ruby ?"),
            ("frobnicate", "ruby ?"),
            ("'a'.instance_eval { 1 }", "ruby ?"),
        ],
    );
}

#[test]
fn php_and_lua() {
    table(
        &["php", "-r"],
        &[
            ("echo 1 + 1;", "php"),
            ("echo json_encode([1, 2]);", "php"),
            ("system('rm x');", "php; rm delete /w/x"),
            ("echo `rm x`;", "php; rm delete /w/x"),
            ("unlink('x');", "php delete /w/x"),
            ("echo file_get_contents('/etc/passwd');", "php read /etc/passwd"),
            ("$f = 'system'; $f('rm x');", "php ?"),
            ("eval($x);", "php ?"),
            ("array_map('system', ['rm x']);", "php ?"),
            ("echo \"{$x}\";", "php ?"),
        ],
    );
    table(
        &["lua", "-e"],
        &[
            ("print(1 + 1)", "lua"),
            ("for i = 1, 3 do print(i) end", "lua"),
            ("os.execute('rm x')", "lua; rm delete /w/x"),
            ("os.execute [[rm x]]", "lua; rm delete /w/x"),
            ("os.remove('x')", "lua delete /w/x"),
            ("io.open('x', 'w')", "lua write /w/x"),
            ("print(io.open('x'):read('a'))", "lua read /w/x"),
            ("load('x')()", "lua ?"),
            ("local f = os.execute; f('rm x')", "lua ?"),
            ("-- os.remove('x')\nprint(1)", "lua"),
        ],
    );
}
