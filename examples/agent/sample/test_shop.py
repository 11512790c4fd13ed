import unittest

from shop import total


class Total(unittest.TestCase):
    def test_without_discount(self):
        self.assertEqual(total(250, 4), 1000)

    def test_with_discount(self):
        self.assertEqual(total(250, 4, 100), 900)
