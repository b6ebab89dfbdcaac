from unittest import mock

thing = mock.Mock(return_value=3)
thing.method.side_effect = [1, ValueError("second")]
print(thing(1, a=2), thing.method(), thing.call_args, thing.mock_calls)
with mock.patch("os.getcwd", return_value="/patched"):
    import os

    print(os.getcwd())
thing.assert_called_with(5)
