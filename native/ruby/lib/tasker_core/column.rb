# frozen_string_literal: true

module TaskerCore
  # Numbers of one type in memory of their own, some of them null. A column that is made once is read by
  # every snapshot without a look at its elements' classes: the quick way in for many rows.
  #
  #   TaskerCore::Column.int64([1, 2, 3].pack("q*"))
  #
  # Bytes are in the machine's order. The second argument has a byte an element, 0 for null; without it
  # none is. Errors: BadArgumentError for bytes that are no whole number of elements, or a validity of
  # another length.
  class Column
    class << self
      # Bytes: state codes (STATES), and booleans as 0 and 1.
      def uint8(bytes, validity = nil) = checked("u8", bytes, validity)

      # 32-bit numbers: `pack("l*")`.
      def int32(bytes, validity = nil) = checked("i32", bytes, validity)

      # Ids, numbers and µs since the epoch: `pack("q*")`.
      def int64(bytes, validity = nil) = checked("i64", bytes, validity)

      # µs since the epoch, infinite ones among them: `pack("d*")`.
      def float64(bytes, validity = nil) = checked("f64", bytes, validity)

      private

      def checked(kind, bytes, validity)
        unless bytes.is_a?(String) && (validity.nil? || validity.is_a?(String))
          raise BadArgumentError, "A column is made of a String of bytes, and another for its validity."
        end

        unpack(kind, bytes, validity)
      end
    end
    private_class_method :unpack

    alias size length

    def inspect = "#<#{self.class} #{kind} × #{length}>"
  end
end
