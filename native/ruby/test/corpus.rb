# frozen_string_literal: true

# Reads the recorded columns of test/vectors/columns, whose README describes the format.
module Corpus
  FOLDER = File.expand_path("../../../test/vectors/columns", __dir__)
  FILES = %w[random golden damaged].freeze

  # Columns, and what is to be answered.
  Case = Struct.new(:name, :now, :foreign_states, :input, :answers, :problems, :paths)
  # What one rule set makes of a case.
  Expected = Struct.new(:rules, :lines, :cycles)

  def self.each_case(&block)
    FILES.each { |file| read(file).each(&block) }
  end

  def self.read(file)
    cases = []
    own = nil
    File.foreach(File.join(FOLDER, "#{file}.txt"), chomp: true) do |line|
      name, *words = line.split(" ", -1)
      case name
      when "case" then own = Case.new("case #{words[0]} of #{file}", nil, [], {}, [], [], [])
      when "now" then own.now = instant(words[0])
      when "foreign_states" then own.foreign_states = words.map { |word| decode(word) }
      when "rules" then own.answers << Expected.new(words[0].to_sym, {}, [])
      when "cycle" then own.answers.last.cycles << words.map(&:to_i)
      when "problem" then own.problems << words.join(" ")
      when "critical_path" then own.paths << words
      when "end" then cases << own
      else (own.answers.last&.lines || own.input)[name] = words
      end
    end
    raise "no case in #{file}" if cases.empty?

    cases
  end

  def self.instant(word)
    { "inf" => Float::INFINITY, "-inf" => -Float::INFINITY }.fetch(word) { Integer(word) }
  end

  # A text in quotes, percent-encoded.
  def self.decode(word)
    word.delete_prefix('"').delete_suffix('"').b.gsub(/%(\h\h)/) { $1.hex.chr }.force_encoding("UTF-8")
  end
end
