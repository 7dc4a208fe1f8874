//! `jeton completions` and `jeton man`: what packages install beside the program.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use clap_complete::Shell;
use serde_json::json;

use super::Cli;
use super::output::{Exit, Output};

/// Prints a shell's completions.
pub(super) fn completions(shell: Shell) -> anyhow::Result<Exit> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "jeton", &mut text);
    std::io::stdout().lock().write_all(&text)?;
    Ok(Exit::Yes)
}

/// Prints the manual page, or writes one page per command into a directory.
pub(super) fn man(dir: Option<&Path>, output: Output) -> anyhow::Result<Exit> {
    let mut command = Cli::command();
    command.build();
    let Some(dir) = dir else {
        let mut text = Vec::new();
        clap_mangen::Man::new(command).render(&mut text)?;
        std::io::stdout().lock().write_all(&text)?;
        return Ok(Exit::Yes);
    };
    std::fs::create_dir_all(dir)?;
    let mut files: Vec<PathBuf> = Vec::new();
    write_pages(dir, &command, "jeton", &mut files)?;
    let document = json!({ "files": files });
    output.answer(&document, |out| {
        files.iter().try_for_each(|file| writeln!(out, "{}", file.display()))
    })?;
    Ok(Exit::Yes)
}

fn write_pages(
    dir: &Path,
    command: &clap::Command,
    name: &str,
    files: &mut Vec<PathBuf>,
) -> anyhow::Result<()> {
    let file = dir.join(format!("{name}.1"));
    let page = clap_mangen::Man::new(command.clone()).title(name.to_uppercase());
    let mut text = Vec::new();
    page.render(&mut text)?;
    std::fs::write(&file, text)?;
    files.push(file);
    for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
        write_pages(dir, below, &format!("{name}-{}", below.get_name()), files)?;
    }
    Ok(())
}
