# frozen_string_literal: true

# Builds the extension in the checkout, into lib/, as `gem install` does: with RubyGems' own builder for
# Rust. Cargo keeps what it compiled in target/, so that a second run takes a second.

require "fileutils"
require "rubygems"
require "rubygems/ext"
require "rubygems/ext/cargo_builder"
require_relative "vendor"

ROOT = __dir__
specification = Gem::Specification.load(File.join(ROOT, "tasker_core.gemspec"))
target = File.join(ROOT, "target", RUBY_VERSION)
FileUtils.mkdir_p(target)
extension = File.join(ROOT, "ext", "tasker_core")
report = []
begin
  Dir.chdir(extension) do
    Gem::Ext::CargoBuilder.new(specification).build("Cargo.toml", target, report, [], File.join(ROOT, "lib"), extension)
  end
rescue Gem::InstallError
  warn report
  abort "The extension could not be built: see the messages of cargo above."
end
