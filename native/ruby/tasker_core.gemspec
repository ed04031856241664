# frozen_string_literal: true

Gem::Specification.new do |spec|
  spec.name = "tasker_core"
  spec.version = "0.1.0"
  spec.summary = "Tells which workflow steps may run now, by the resolver of tasker-core"
  spec.description = <<~TEXT
    Step readiness, task execution contexts, dependency levels and critical paths of workflows in the
    tables of the Rails engine Tasker, computed in Rust instead of in SQL functions.
  TEXT
  spec.authors = ["The authors of tasker-core"]
  spec.license = "MIT"
  spec.required_ruby_version = ">= 3.1"
  spec.metadata = { "rubygems_mfa_required" => "true" }

  # `ruby vendor.rb` copies the crates beside this folder into vendor/
  crates = %w[ext/tasker_core vendor/columns vendor/resolver]
  spec.files = Dir.chdir(__dir__) do
    Dir.glob("lib/**/*.rb") + %w[Cargo.toml Cargo.lock README.md] +
      crates.flat_map { |crate| ["#{crate}/Cargo.toml", *Dir.glob("#{crate}/src/**/*.rs")] }
  end
  spec.require_paths = ["lib"]
  spec.extensions = ["ext/tasker_core/Cargo.toml"]
end
