#include <doctest/doctest.h>

#include <string>

#include "judge/comparators.hpp"
#include "judge/judge.hpp"

using namespace executor;
using namespace std::string_literals;

TEST_CASE("exact comparison sees every byte") {
  CHECK(matches("10\n", "10\n", CompareMode::exact));
  CHECK_FALSE(matches("10", "10\n", CompareMode::exact));
  CHECK_FALSE(matches("10 \n", "10\n", CompareMode::exact));
  CHECK_FALSE(matches("a\0b"s, "a\0c"s, CompareMode::exact));
  CHECK(matches("", "", CompareMode::exact));
}

TEST_CASE("trimmed comparison forgives white space at the end of lines and of the output") {
  CHECK(equal_trimmed("10", "10\n"));
  CHECK(equal_trimmed("10\n\n\n", "10"));
  CHECK(equal_trimmed("1  \n2\t\n", "1\n2"));
  CHECK(equal_trimmed("1\r\n2\r\n", "1\n2\n"));
  CHECK(equal_trimmed("10\n  \n \n", "10\n"));
  CHECK(equal_trimmed("", "\n \n"));
}

TEST_CASE("trimmed comparison sees what stands elsewhere") {
  CHECK_FALSE(equal_trimmed(" 10", "10"));
  CHECK_FALSE(equal_trimmed("\n10", "10"));
  CHECK_FALSE(equal_trimmed("1\n\n2", "1\n2"));
  CHECK_FALSE(equal_trimmed("1 2", "1  2"));
  CHECK_FALSE(equal_trimmed("1\r2", "1\n2"));
  CHECK_FALSE(equal_trimmed("1\n2", "1"));
  CHECK_FALSE(equal_trimmed("1", "1\n2"));
  CHECK_FALSE(equal_trimmed("", "1"));
  CHECK_FALSE(equal_trimmed("1\0"s, "1"));
  CHECK_FALSE(equal_trimmed("1\x1a", "1"));
}

TEST_CASE("bytes that are not UTF-8 are compared as they are") {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  for (const Compare& compare :
       {Compare{CompareMode::exact}, Compare{CompareMode::trimmed}, Compare{CompareMode::tokens}}) {
    CHECK(matches(all, all, compare));
    CHECK_FALSE(matches(all + "\xff", all + "\xfe", compare));
  }
}

TEST_CASE("token comparison sees words only") {
  CHECK(equal_tokens("1 2\n3", "  1\t2 3\r\n"));
  CHECK(equal_tokens(" \n", ""));
  CHECK_FALSE(equal_tokens("1 2", "12"));
  CHECK_FALSE(equal_tokens("1 2", "1 2 3"));
  CHECK_FALSE(equal_tokens("1 2 3", "1 2"));
  CHECK_FALSE(equal_tokens("1.0", "1"));
}

TEST_CASE("numbers may differ by the tolerance, absolutely or relative to the expected one") {
  CHECK(equal_numbers("0.3000000001", "0.3", 1e-6));
  CHECK(equal_numbers("1000000.5", "1000000", 1e-6));
  CHECK(equal_numbers("1e3", "1000", 0));
  CHECK(equal_numbers("+5", "5.0", 0));
  CHECK(equal_numbers("-0.0", "0", 0));
  CHECK_FALSE(equal_numbers("0.30001", "0.3", 1e-6));
  CHECK_FALSE(equal_numbers("1000002", "1000000", 1e-6));
  CHECK_FALSE(equal_numbers("1", "-1", 1e-6));
  CHECK_FALSE(equal_numbers("1", "1 1", 1e-6));
}

TEST_CASE("words that are no numbers are compared as text") {
  CHECK(equal_numbers("area 2.0000001", "area 2", 1e-6));
  CHECK_FALSE(equal_numbers("Area 2", "area 2", 1e-6));
  CHECK_FALSE(equal_numbers("0x10", "16", 1e-6));
  CHECK_FALSE(equal_numbers("1,5", "1.5", 1e-6));
  CHECK_FALSE(equal_numbers("+-5", "-5", 1e-6));
  CHECK(equal_numbers("1e999999", "1e999999", 1e-6));
  CHECK_FALSE(equal_numbers("1e999999", "1e999998", 1e-6));
}

TEST_CASE("NaN equals nothing and an infinity only itself") {
  CHECK_FALSE(equal_numbers("nan", "nan", 1e-6));
  CHECK_FALSE(equal_numbers("nan", "1", 1e-6));
  CHECK_FALSE(equal_numbers("NaN", "NaN", 1e6));
  CHECK(equal_numbers("inf", "Infinity", 1e-6));
  CHECK_FALSE(equal_numbers("inf", "-inf", 1e-6));
  CHECK_FALSE(equal_numbers("1", "inf", 1e-6));
  CHECK_FALSE(equal_numbers("inf", "1", 1e300));
}

TEST_CASE("a number with very many digits is still a number") {
  const std::string digits(100'000, '3');
  CHECK(equal_numbers("0." + digits, "0.33333333333333333", 1e-9));
}

TEST_CASE("a million empty lines differ from a million lines of blanks only at the end") {
  const std::string lines(1'000'000, '\n');
  std::string blanks;
  for (int i = 0; i < 1'000'000; ++i) blanks += " \n";
  CHECK(equal_trimmed(lines + "x", blanks + "x"));
  CHECK_FALSE(equal_trimmed(lines + "x", blanks + "y"));
}

TEST_CASE("an expected JSON array or object may be written with other blanks") {
  CHECK(equal_json("[1,2]\n", "[1, 2]"));
  CHECK(equal_json("[1, 2]", "[1,2]"));
  CHECK(equal_json("{\"a\": [1,\n  2]}", " {\"a\":[1,2]}\n"));
  CHECK(equal_json("[\"a\\\\\", \"b\"]", "[\"a\\\\\",\"b\"]"));
  CHECK_FALSE(equal_json("[\"a b\"]", "[\"ab\"]"));
  CHECK_FALSE(equal_json("[\"a\\\" b\"]", "[\"a\\\"b\"]"));
  CHECK_FALSE(equal_json("[1 2]", "[12]"));
  CHECK_FALSE(equal_json("[12]", "[1 2]"));
  CHECK_FALSE(equal_json("[1]", "[1],"));
  CHECK_FALSE(equal_json(std::string_view("[1]\0", 4), "[1]"));
  CHECK_FALSE(equal_json("", "["));
}

TEST_CASE("what is no array or object is compared trimmed where JSON is asked for") {
  CHECK(equal_json("a b \n", "a b"));
  CHECK_FALSE(equal_json("a  b", "a b"));
  CHECK_FALSE(equal_json("[1]", "x[1]"));
}
