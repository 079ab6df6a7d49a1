fn main() {
    let mut loader = meld_pack::Loader::new();
    for path in std::env::args().skip(1) {
        if let Err(e) = loader.add_path(path.as_ref()) { println!("{e}"); }
    }
    match loader.finish() {
        Ok(set) => println!("ok {} rules\n{}", set.rules.len(), meld_pack::reference(&set)),
        Err(e) => print!("{}", e.render(false)),
    }
}
