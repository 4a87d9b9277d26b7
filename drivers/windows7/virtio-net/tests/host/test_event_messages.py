#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Every reason that the driver logs has a message that says what is wrong and what to do, with the numbers that are in force."""
import collections
import unittest

import settings_source as source

SETTING_FIRST = 100
LONGEST = 600  # ndishost shows it in one line; Event Viewer in a small window


class EventMessages(unittest.TestCase):
    def setUp(self):
        self.messages = {message.name: message for message in source.messages()}
        self.rows = source.rows()

    def test_numbers_and_names_are_used_once(self):
        for count in (collections.Counter(message.number for message in source.messages()),
                      collections.Counter(message.name for message in source.messages())):
            self.assertEqual([key for key, times in count.items() if times > 1], [])

    def test_each_reason_has_a_message_for_every_detail(self):
        for reason in source.reasons():
            if reason == "AerovnetReasonSettingRange":
                continue  # below: one message per setting
            details = [detail for row_reason, detail, _ in self.rows if row_reason == reason]
            self.assertTrue(details, f"{reason} has no row in event_log.c: add a message and a row")
            self.assertEqual(details[-1], "ANY_DETAIL", f"the last row of {reason} must be for any detail")
            self.assertNotIn("ANY_DETAIL", details[:-1], f"rows of {reason} after ANY_DETAIL are never reached")

    def test_rows_name_reasons_and_messages_that_exist(self):
        reasons = source.reasons()
        for reason, _, message in self.rows:
            self.assertIn(reason, reasons)
            self.assertIn(message.removeprefix("AEROVNET_EVENT_"), self.messages)

    def test_no_message_is_unused(self):
        used = {message.removeprefix("AEROVNET_EVENT_") for _, _, message in self.rows} | {"OTHER"}
        used |= {name for name in self.messages if name.startswith("SETTING_")}
        self.assertEqual(set(self.messages) - used, set())

    def test_severity_follows_from_the_reason(self):
        reasons = source.reasons()
        for reason, _, name in self.rows:
            refused = reasons[reason] < reasons["AerovnetReasonSettingRange"] or reason == "AerovnetReasonDeviceLost"
            self.assertEqual(self.messages[name.removeprefix("AEROVNET_EVENT_")].severity, "Error" if refused else "Warning", name)

    def test_texts_name_the_adapter_and_what_to_do(self):
        for message in self.messages.values():
            self.assertTrue(message.text.startswith("%2: "), f"{message.name} does not name the adapter")
            lines = message.text.split("\n")
            self.assertEqual(len(lines), 2, f"{message.name}: one line says what is wrong, one what to do")
            for line in lines:
                self.assertTrue(line.endswith("."), f"{message.name}: {line}")
            self.assertLess(len(message.text), LONGEST, message.name)
            self.assertEqual(message.text.replace("%2", "").replace("%%", "").count("%"), 0, f"{message.name} has an insert that entries lack")

    def test_each_setting_has_a_message_with_its_default_and_range(self):
        settings = source.settings()
        self.assertEqual(len([name for name in self.messages if name.startswith("SETTING_")]), len(settings))
        by_number = {message.number: message for message in self.messages.values()}
        for setting in settings:
            message = by_number.get(SETTING_FIRST + setting.index)
            self.assertIsNotNone(message, f"{setting.keyword} has no message {SETTING_FIRST + setting.index}")
            range_words = (f"a number from {setting.minimum} to {setting.maximum};" if setting.minimum != setting.maximum
                           else f"{setting.minimum};")
            self.assertIn(f"the setting {setting.keyword} is not {range_words}", message.text)
            self.assertIn(f"The default, {setting.default}, is in force.", message.text)
        self.assertEqual(by_number[SETTING_FIRST].name, "SETTING_RECEIVEBUFFERS", "event_log.c counts from this name")


class Readers(unittest.TestCase):
    """A table that cannot be read is no table without faults."""

    def test_an_empty_settings_table_is_an_error(self):
        with self.assertRaises(ValueError):
            source.settings("#define AEROVNET_SETTING_TABLE(X)\n")

    def test_a_message_of_another_shape_is_an_error(self):
        with self.assertRaises(ValueError):
            source.messages("MessageId=1\nSeverity=Error\nSymbolicName=A\nLanguage=English\n%2: text.\n.\n")


if __name__ == "__main__":
    unittest.main()
