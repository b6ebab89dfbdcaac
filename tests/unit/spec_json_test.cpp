#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "spec/json_writer.hpp"
#include "spec/request_error.hpp"
#include "spec/strict_json.hpp"
#include "spec/text.hpp"

using namespace executor;
using nlohmann::json;

namespace {

RequestError refusal(std::string_view text) {
  json out;
  const auto error = parse_strict_json(text, 32, out);
  REQUIRE_MESSAGE(error.has_value(), text);
  CHECK(error->status == 400);
  return *error;
}

std::string written(std::string_view text) {
  JsonWriter writer;
  writer.value(text);
  return writer.take();
}

/// What the library makes of bytes that are not all UTF-8.
std::string replaced(const std::string& text) {
  return json::parse(json(text).dump(-1, ' ', false, json::error_handler_t::replace));
}

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

}  // namespace

TEST_CASE("strict JSON builds the document that the library would build") {
  const std::string text =
      R"({"a":[1,-2,3.5,true,false,null,"é\n\u00e9\ud83d\ude00"],"b":{"c":{"d":[[],{}]}},"e":18446744073709551615})";
  json out;
  REQUIRE_FALSE(parse_strict_json(text, 32, out).has_value());
  CHECK(out == json::parse(text));
  REQUIRE_FALSE(parse_strict_json("7", 32, out).has_value());
  CHECK(out == 7);
}

TEST_CASE("a key that stands twice is refused at any depth and named") {
  CHECK(refusal(R"({"a":1,"a":1})").code == "duplicate_key");
  CHECK(refusal(R"({"a":1,"a":1})").field == "a");
  CHECK(refusal(R"({"x":[0,{"a":1,"b":{},"a":2}]})").field == "x[1].a");
  CHECK(refusal(R"({"a":1,"\u0061":2})").code == "duplicate_key");
}

TEST_CASE("nesting is bounded before it is followed") {
  json out;
  CHECK_FALSE(parse_strict_json(nested(32), 32, out).has_value());
  CHECK(refusal(nested(33)).code == "too_deep");
  CHECK(refusal(std::string(5'000'000, '[')).code == "too_deep");
  std::string objects = R"({"tests":[)";
  for (int i = 0; i < 1'000'000; ++i) objects += R"({"a":)";
  CHECK(refusal(objects).code == "too_deep");
  CHECK(refusal(objects).field.starts_with("tests[0].a.a"));
}

TEST_CASE("what the grammar does not know is refused where it stands") {
  CHECK(refusal(R"({"source":NaN})").field == "source");
  CHECK(refusal(R"({"tests":[{},{"timeoutMs":Infinity}]})").field == "tests[1].timeoutMs");
  CHECK(refusal(R"({"tests":[1,-]})").field == "tests[1]");
  for (const char* text :
       {"", " ", "{", "[1,]", "{\"a\":1,}", "{'a':1}", "nul", "01", "1.", "+1", "\"a", "\"\t\"", "{} {}",
        "// c\n{}", "/* c */ 1", "\xef\xbb\xbf{}", "\xff\xfe{\0}\0", "{\"a\" 1}", "\x1f\x8b\x08"}) {
    CHECK(refusal(text).code == "bad_json");
  }
}

TEST_CASE("a NUL ends no document") {
  CHECK(refusal(std::string_view("{}\0", 3)).code == "bad_json");
  CHECK(refusal(std::string_view("{}\0{\"a\":1}", 11)).code == "bad_json");
  CHECK(refusal(std::string_view("[1\0]", 5)).code == "bad_json");
}

TEST_CASE("text that is not UTF-8 and half surrogates are refused where they stand") {
  CHECK(refusal("{\"source\":\"\xff\"}").field == "source");
  CHECK(refusal("{\"source\":\"\xc0\xaf\"}").message.starts_with("not valid UTF-8"));
  CHECK(refusal("{\"source\":\"\xed\xa0\x80\"}").field == "source");
  CHECK(refusal(R"({"tests":[{"stdin":"\ud800"}]})").field == "tests[0].stdin");
  CHECK(refusal(R"({"source":"\ud800x"})").message.starts_with("a surrogate"));
  CHECK(refusal(R"({"source":"\udc00"})").field == "source");
}

TEST_CASE("a number beyond what a double holds is refused") {
  CHECK(refusal(R"({"a":1e999})").field == "a");
  CHECK(refusal(R"({"a":-1e999})").code == "bad_json");
}

TEST_CASE("an error is a JSON object with code, message and field") {
  const json full = json::parse(error_json("out_of_range", "too \"big\"", "tests[3].timeoutMs"));
  CHECK(full ==
        json{{"ok", false},
             {"error",
              {{"code", "out_of_range"}, {"message", "too \"big\""}, {"field", "tests[3].timeoutMs"}}}});
  CHECK_FALSE(json::parse(error_json("busy", "come back"))["error"].contains("field"));
  CHECK(json::parse(error_json("c", "\xff"))["error"]["message"] == "\xef\xbf\xbd");
  CHECK(error_json(RequestError{413, "too_large", "m", "source"}) == error_json("too_large", "m", "source"));
}

TEST_CASE("violations are listed in the error") {
  const std::vector<Violation> found = {{3, 7, "module", "no"}, {4, 1, "builtin", "never"}};
  const json answer = json::parse(violations_json(false, found));
  CHECK(answer["ok"] == false);
  CHECK(answer["error"]["code"] == "validation_failed");
  CHECK(answer["error"]["violations"].size() == 2);
  CHECK(answer["error"]["violations"][0] ==
        json{{"line", 3}, {"column", 7}, {"rule", "module"}, {"message", "no"}});
  CHECK(json::parse(violations_json(true, found))["error"]["code"] == "compile_error");
  CHECK(json::parse(violations_json(false, {}))["error"]["violations"] == json::array());
}

TEST_CASE("UTF-8 is counted in code points and held against its definition") {
  CHECK(count_utf8("") == 0);
  CHECK(count_utf8("a long run of plain letters, é, €, 😀") == 36);
  for (const char* bad :
       {"\x80", "\xc0\xaf", "\xc1\xbf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x80\x80\xaf",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "abc\xe2\x82", "12345678\xe2", "\xe2\x28\xa1"}) {
    CHECK_FALSE(is_utf8(bad));
  }
  for (const char* good : {"\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                           "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    CHECK(count_utf8(good) == 1);
  }
}

TEST_CASE("printable text holds nothing that moves a cursor or turns a line around") {
  CHECK(is_printable("user 7, Jürgen <j@example.org> 日本"));
  CHECK(is_printable(""));
  for (const char* bad : {"\n", "a\tb", "\x1b[2J", "\x7f", "\xc2\x85", "\xe2\x80\xa8", "\xe2\x80\xae",
                          "\xe2\x81\xa6", "\xe2\x80\x8b", "\xef\xbb\xbf", "\xff"}) {
    CHECK_FALSE(is_printable(bad));
  }
}

TEST_CASE("a string is written as the library writes it, whatever its bytes are") {
  std::vector<std::string> texts = {
      "", "plain", "\xe2\x82", "\xf0\x9f\x98", "\xf4\x90\x80\x80", "\xed\xa0\x80"};
  for (int first = 0; first < 256; ++first)
    for (int second = 0; second < 256; ++second)
      texts.push_back({static_cast<char>(first), static_cast<char>(second)});
  std::mt19937 random(1);  // NOLINT(cert-msc51-cpp): the same texts in every run
  constexpr std::string_view kPieces[] = {"\xe2", "\x82", "\xac", "\xf0", "\x9f", "\x98",
                                          "\x80", "\xed", "\xf4", "a",    "\"",   "\n"};
  for (int number = 0; number < 2000; ++number) {
    std::string text;
    for (int piece = 0; piece < 12; ++piece) text += kPieces[random() % std::size(kPieces)];
    texts.push_back(text);
  }
  for (const std::size_t length : {1000, 4095, 4096, 4097, 100'000}) {
    texts.emplace_back(length, '\0');
    texts.emplace_back(length, '\xff');
    std::string text;
    while (text.size() < length) text += static_cast<char>(random());
    texts.push_back(text);
    texts.push_back(std::string(length % 7, 'x') + text);
  }
  for (const std::string& text : texts) {
    const json read = json::parse(written(text), nullptr, false);
    REQUIRE(read.is_string());
    if (read.get<std::string>() != replaced(text)) FAIL("written as " << written(text).substr(0, 200));
  }
}

TEST_CASE("characters that JSON has a letter for are written by it") {
  CHECK(written("\b\t\n\f\r\"\\/\x01\x1f\x7f") == "\"\\b\\t\\n\\f\\r\\\"\\\\/\\u0001\\u001f\x7f\"");
}
