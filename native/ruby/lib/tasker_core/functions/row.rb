# frozen_string_literal: true

module TaskerCore
  module Functions
    # A row of a function's result: a reader for each column.
    class Row
      class << self
        # Names of the columns.
        attr_reader :attribute_names

        private

        def columns(*names)
          @attribute_names = names.map(&:to_s).freeze
          attr_reader(*names)
        end
      end

      def initialize(values)
        self.class.attribute_names.zip(values) { |name, value| instance_variable_set(:"@#{name}", value) }
      end

      def attributes = self.class.attribute_names.to_h { |name| [name, public_send(name)] }

      def attribute_names = self.class.attribute_names

      def readonly? = true

      def persisted? = false
    end
    private_constant :Row
  end
end
