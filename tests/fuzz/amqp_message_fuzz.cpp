// What anybody published to the queue: body and properties → a job in the form of POST /execute, or why it
// can be none. The first line is the properties, cut at blanks; the rest is the body.
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "queue/rabbitmq_message.hpp"
#include "spec/parse.hpp"

namespace {

std::string next_word(std::string_view& line) {
  const std::size_t end = std::min(line.find(' '), line.size());
  std::string word(line.substr(0, end));
  line.remove_prefix(std::min(end + 1, line.size()));
  return word;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace executor;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(input.find('\n'), input.size());
  std::string_view line = input.substr(0, end);
  RabbitMessage message;
  message.reply_to = next_word(line);
  message.correlation_id = next_word(line);
  message.message_id = next_word(line);
  message.body = input.substr(std::min(end + 1, input.size()));

  RabbitForms forms;
  forms.size_limit = 4096;
  const std::string fallback = "0b1f4a6e-0000-4000-8000-000000000001";
  const auto read = read_rabbit_job(message, forms, fallback);
  if (const auto* job = std::get_if<RabbitJob>(&read)) {
    if (job->id.empty() || job->digest.empty() || message.body.size() > forms.size_limit) std::abort();
    // a job of the one form is what the worker reads next; of the other, what was made of it must be readable
    if (job->solution_form && !parse_job(job->body, forms.limits)) std::abort();
    (void)rabbit_result(*job, R"({"jobId":"x","ok":false,"error":{"code":"c","message":"m"}})");
  } else if (const auto& unusable = std::get<UnusableRabbitMessage>(read);
             unusable.reason.empty() || !nlohmann::json::accept(unusable.result)) {
    std::abort();
  }
  return 0;
}
