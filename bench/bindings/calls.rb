# frozen_string_literal: true

# The program of the scenario `bindings` in Ruby; README.md says what it answers.

require "tasker_core"

tasks = Integer(ARGV.fetch(0))
PER_TASK = 10
NOW = 1_800_000_000_000_000

steps = (0...(tasks * PER_TASK)).to_a
from = []
to = []
steps.each do |step|
  place = step % PER_TASK
  from.push(step - 1) && to.push(step) if place >= 1
  from.push(step - 2) && to.push(step) if place >= 2
end

column = TaskerCore::Column
tables = {
  tasks: { task_id: column.int64((0...tasks).to_a.pack("q*")) },
  steps: {
    workflow_step_id: column.int64(steps.pack("q*")),
    task_id: column.int64(steps.map { |step| step / PER_TASK }.pack("q*")),
    state: column.uint8(steps.map { |step| step % PER_TASK < step / PER_TASK % 11 ? 128 : 0 }.pack("C*")),
    attempts: column.int32(steps.map { |step| step % 3 }.pack("l*"))
  },
  edges: { from_step_id: column.int64(from.pack("q*")), to_step_id: column.int64(to.pack("q*")) }
}

snapshot = TaskerCore::Snapshot.new(**tables)
question = { now: NOW, rules: :rails, contexts: false, levels: false, threads: 1 }
answer = snapshot.resolve(**question)
work = {
  "build" => -> { TaskerCore::Snapshot.new(**tables) },
  "resolve" => -> { answer = snapshot.resolve(**question) },
  "call" => lambda {
    answer = snapshot.resolve(**question)
    answer.readiness.packed(:ready_for_execution)
  }
}

$stdout.sync = true
$stdin.each_line do |line|
  name, count = line.split
  if name == "ready"
    puts answer.ready_step_ids.length
    next
  end
  block = work.fetch(name)
  times = Integer(count)
  began = Process.clock_gettime(Process::CLOCK_MONOTONIC, :nanosecond)
  times.times { block.call }
  puts Process.clock_gettime(Process::CLOCK_MONOTONIC, :nanosecond) - began
end
