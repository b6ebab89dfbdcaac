print(input())
print(input())
