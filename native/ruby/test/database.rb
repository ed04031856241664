# frozen_string_literal: true

require "active_record"
require "pg"

# The database that the check prepared: migrated, with the SQL functions, seeded.
module TestDatabase
  URL = ENV.fetch("TASKER_RUBY_TEST_URL") { abort "TASKER_RUBY_TEST_URL is not set: run `npm run verify -- ruby`." }

  def self.pg = PG.connect(URL)

  def self.active_record
    ActiveRecord::Base.establish_connection(URL) unless ActiveRecord::Base.connected?
    ActiveRecord::Base.connection
  end
end
