# frozen_string_literal: true

# Copies the crates that the gem is compiled from into vendor/, where `gem build` and cargo look for them.
# What has not changed is left alone, so that cargo does not compile it again.

require "fileutils"

vendor = File.join(__dir__, "vendor")
%w[columns resolver].each do |crate|
  from = File.expand_path("../#{crate}", __dir__)
  files = ["Cargo.toml", *Dir.glob("src/**/*.rs", base: from)]
  files.each do |file|
    source = File.join(from, file)
    copy = File.join(vendor, crate, file)
    next if File.file?(copy) && FileUtils.identical?(source, copy)

    FileUtils.mkdir_p(File.dirname(copy))
    FileUtils.cp(source, copy)
  end
  (Dir.glob("src/**/*.rs", base: File.join(vendor, crate)) - files).each do |gone|
    FileUtils.rm(File.join(vendor, crate, gone))
  end
end
