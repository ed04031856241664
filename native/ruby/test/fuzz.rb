# frozen_string_literal: true

# Calls every entry point with random values, for TASKER_FUZZ_SECONDS (20): each call answers or raises an
# error with a code. TASKER_FUZZ_SEED makes a run again.

require "tasker_core"

SECONDS = Integer(ENV.fetch("TASKER_FUZZ_SECONDS", "20"))
SEED = Integer(ENV.fetch("TASKER_FUZZ_SEED", "1"))
RANDOM = Random.new(SEED)

def pick(*values) = values[RANDOM.rand(values.length)]

def bytes = RANDOM.bytes(pick(0, 1, 7, 8, 16, 24, 40, RANDOM.rand(200)))

def number
  pick(0, 1, 2, 3, 7, -1, RANDOM.rand(9), 2**31 - 1, -2**31, 2**31, 2**32, 2**53 + 1, 2**63 - 1, -2**63, 2**63, 10**30)
end

def anything
  pick(nil, true, false, number, number.to_f, Float::NAN, Float::INFINITY, -0.0, "", "error", "complete", bytes,
       "\xff\xfe", :pending, Time.at(RANDOM.rand(2**33), RANDOM.rand(10**6)), [], {}, Object.new, 1r, 2i, BasicObject, 1..2)
end

def array(length) = Array.new(length) { RANDOM.rand(8).zero? ? anything : number }

# Small ids, so that rows meet.
def ids(length) = Array.new(length) { RANDOM.rand(50).zero? ? number : RANDOM.rand(12) }

def column
  raw = bytes
  validity = pick(nil, nil, raw[0, raw.length / 8], bytes)
  TaskerCore::Column.public_send(pick(:uint8, :int32, :int64, :float64), raw, validity)
end

def table(names, length)
  hash = {}
  names.each do |name|
    next if RANDOM.rand(3).zero? && !name.end_with?("_id")

    hash[RANDOM.rand(60).zero? ? pick(name.to_s, 1, nil, :"\u00e9", :x) : name] = cells(name, length)
  end
  hash
end

def cells(name, length)
  case RANDOM.rand(40)
  when 0 then anything
  when 1 then column
  when 2 then array(length + pick(0, 1, -length))
  else
    return ids(length) if name.end_with?("_id")
    return Array.new(length) { pick(true, false, nil, 0, 1) } if %i[retryable in_process processed skippable].include?(name)
    return Array.new(length) { pick("pending", "error", "complete", :error, 129, nil, 5, "other") } if name == :state
    return Array.new(length) { pick(nil, RANDOM.rand(10**6), 1.5, -Float::INFINITY, Time.at(0)) } if name.end_with?("_at")

    Array.new(length) { pick(nil, 0, 1, 3, 50, -5, 2**31 - 1) }
  end
end

TASKS = %i[task_id named_task_id state].freeze
STEPS = %i[
  workflow_step_id task_id named_step_id state transitioned_at attempts retry_limit retryable in_process
  processed skippable backoff_request_seconds last_attempted_at next_attempt_at
].freeze
EDGES = %i[from_step_id to_step_id].freeze

def ask(snapshot, counts)
  answer = snapshot.resolve(
    now: pick(0, 10**6, Time.now, anything), rules: pick(:rails, :engine, :engine, anything),
    contexts: pick(true, true, false), levels: pick(true, true, nil), threads: pick(1, 2, 4, anything)
  )
  [answer.readiness, answer.contexts, answer.levels].each do |found|
    found.rows
    found.packed(pick(*found.columns, "", "other", bytes)).to_a
  end
  answer.cycles
  answer.ready_step_ids
  answer.percentage_texts
  counts[:answered] += 1
end

def public_call(snapshot)
  case RANDOM.rand(3)
  when 0 then snapshot.critical_path(pick(RANDOM.rand(12), anything), durations: pick(nil, array(RANDOM.rand(5)), anything))
  when 1 then snapshot.lost_with(pick(ids(3), array(3), anything))
  else snapshot.problems
  end
end

# Past the checks of the Ruby side.
def native_call(snapshot)
  case RANDOM.rand(4)
  when 0 then snapshot.values(anything, anything, anything)
  when 1 then snapshot.packed(pick(0, 1, anything), bytes, bytes)
  when 2 then snapshot.send(:resolve_now, anything, anything, anything, anything, anything)
  else TaskerCore::Snapshot.send(:build, pick({}, anything), pick({}, anything), anything, anything, pick([], array(3), anything))
  end
end

def once(counts)
  counts[:calls] += 1
  yield
rescue TaskerCore::InternalError, TaskerCore::BadSnapshotError
  raise
rescue TaskerCore::Error => e
  counts[e.code] += 1
end

# An argument of another class is what magnus says it is.
def native_once(counts)
  once(counts) { yield }
rescue TypeError, ArgumentError, RangeError, EncodingError, NoMethodError => e
  counts[e.class] += 1
end

counts = Hash.new(0)
finish = Process.clock_gettime(Process::CLOCK_MONOTONIC) + SECONDS
begin
  while Process.clock_gettime(Process::CLOCK_MONOTONIC) < finish
    snapshot = nil
    once(counts) { column }
    native_once(counts) { TaskerCore::Column.send(:unpack, anything, anything, anything) }
    once(counts) do
      snapshot = TaskerCore::Snapshot.new(
        tasks: table(TASKS, RANDOM.rand(6)), steps: table(STEPS, RANDOM.rand(14)), edges: table(EDGES, RANDOM.rand(20)),
        foreign_steps: pick(true, false, nil), foreign_states: pick([], [], ["a"], array(2), anything)
      )
    end
    next unless snapshot

    4.times { once(counts) { ask(snapshot, counts) } }
    2.times { once(counts) { public_call(snapshot) } }
    2.times { native_once(counts) { native_call(snapshot) } }
    # everything has to survive a collection at any time
    GC.start if RANDOM.rand(200).zero?
    GC.compact if RANDOM.rand(2000).zero?
  end
rescue Exception => e # rubocop:disable Lint/RescueException
  warn "seed #{SEED}, call #{counts[:calls]}: #{e.class}: #{e.message}", e.backtrace.first(12)
  exit 1
end
puts "seed #{SEED}: #{counts.sort_by { |name, _| name.to_s }.map { |name, count| "#{name} #{count}" }.join(', ')}"
exit 1 if counts[:answered].zero? || counts["TASKER_BAD_INPUT"].zero?
