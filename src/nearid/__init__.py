"""Is a learned representation the same every time, and is it right?"""
