"""The texts of the product in English, German and French: catalogues, and the language that is in use."""
